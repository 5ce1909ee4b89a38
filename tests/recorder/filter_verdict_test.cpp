// Checks for filters, as libseccomp and programs write them, if a program executed under them can be recorded.
#include "filter_verdict.h"

#include <catch2/catch.hpp>
#include <cstddef>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <vector>

using unpaired::lets_recorder_live;

namespace {

constexpr uint32_t kill_process = 0x80000000u; // SECCOMP_RET_KILL_PROCESS
#if defined(__x86_64__)
constexpr uint32_t own_arch = AUDIT_ARCH_X86_64;
#else
constexpr uint32_t own_arch = AUDIT_ARCH_AARCH64;
#endif

sock_filter load(size_t offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)); }
sock_filter answer(uint32_t action) { return BPF_STMT(BPF_RET | BPF_K, action); }
sock_filter unless_equal(uint32_t value, uint8_t skip)
{
    return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip);
}

bool lives_under(std::vector<sock_filter> rules)
{
    const sock_fprog program{static_cast<unsigned short>(rules.size()), rules.data()};
    return lets_recorder_live(&program);
}

/// Returns a filter with `action` for one system call, and `otherwise` for all others.
std::vector<sock_filter> one_call(long number, uint32_t action, uint32_t otherwise)
{
    return {load(offsetof(seccomp_data, nr)), unless_equal(static_cast<uint32_t>(number), 1), answer(action),
            answer(otherwise)};
}

} // namespace

TEST_CASE("a filter that allows everything, logs it or answers with errors lets the recorder live")
{
    CHECK(lives_under({answer(SECCOMP_RET_ALLOW)}));
    CHECK(lives_under({answer(0x7ffc0000u)}));
    CHECK(lives_under({answer(SECCOMP_RET_ERRNO | 1)}));
}

TEST_CASE("a filter that kills, traps or asks another process for a call of the recorder's does not")
{
    for (const uint32_t action : {kill_process, uint32_t{SECCOMP_RET_KILL}, uint32_t{SECCOMP_RET_TRAP},
                                  uint32_t{SECCOMP_RET_TRACE}, 0x7fc00000u}) {
        CHECK_FALSE(lives_under({answer(action)}));
        CHECK_FALSE(lives_under(one_call(SYS_ftruncate, action, SECCOMP_RET_ALLOW)));
    }
    CHECK_FALSE(lives_under(one_call(SYS_write, SECCOMP_RET_ALLOW, kill_process)));
}

TEST_CASE("a filter that kills for calls that the recorder does not make lets it live")
{
    CHECK(lives_under(one_call(SYS_reboot, kill_process, SECCOMP_RET_ALLOW)));
}

TEST_CASE("the architecture and the arguments of a call are those that the recorder makes it with")
{
    // as libseccomp begins each filter
    CHECK(lives_under({load(offsetof(seccomp_data, arch)), unless_equal(own_arch, 1),
                       answer(SECCOMP_RET_ALLOW), answer(kill_process)}));
    // madvise with MADV_POPULATE_WRITE (23) only
    CHECK_FALSE(lives_under({load(offsetof(seccomp_data, nr)), unless_equal(SYS_madvise, 3),
                             load(offsetof(seccomp_data, args[2])), unless_equal(23, 1), answer(kill_process),
                             answer(SECCOMP_RET_ALLOW)}));
}

TEST_CASE("a filter's arithmetic, memory and jumps are done as the kernel does them")
{
    // (nr * 0 + 7 - 3) << 2 | 1 = 17, by way of x and of memory
    CHECK(lives_under({load(offsetof(seccomp_data, nr)), BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0),
                       BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 7), BPF_STMT(BPF_LDX | BPF_IMM, 3),
                       BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0), BPF_STMT(BPF_ST, 5),
                       BPF_STMT(BPF_LD | BPF_IMM, 99), BPF_STMT(BPF_LD | BPF_MEM, 5),
                       BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 2), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 1),
                       BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_IMM, 0),
                       BPF_STMT(BPF_MISC | BPF_TXA, 0), BPF_STMT(BPF_JMP | BPF_JA, 1), answer(kill_process),
                       unless_equal(17, 1), answer(SECCOMP_RET_ALLOW), answer(kill_process)}));
}
