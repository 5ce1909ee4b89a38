#include "filter_verdict.h"

#include "state.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>

namespace unpaired {
namespace {

constexpr uint32_t kill_process = 0x80000000u; // SECCOMP_RET_KILL_PROCESS
constexpr uint32_t log_action = 0x7ffc0000u;   // SECCOMP_RET_LOG
constexpr long populate_write = 23;            // MADV_POPULATE_WRITE

#if defined(__x86_64__)
constexpr uint32_t audit_arch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t audit_arch = AUDIT_ARCH_AARCH64;
#endif

/// The recorder's system calls from an image's start to its end, with the arguments that filters check.
constexpr seccomp_data call(long number, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0)
{
    seccomp_data data{};
    data.nr = static_cast<int>(number);
    data.arch = audit_arch;
    data.args[0] = a;
    data.args[1] = b;
    data.args[2] = c;
    return data;
}

constexpr seccomp_data calls_of_recorder[] = {
    call(SYS_openat, 0, 0, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC),
    call(SYS_openat, 0, 0, O_RDONLY | O_CLOEXEC),
    call(SYS_ftruncate),
    call(SYS_mmap),
    call(SYS_munmap),
    call(SYS_mremap),
    call(SYS_mprotect, 0, 0, 3),
    call(SYS_madvise, 0, 0, 18), // MADV_WIPEONFORK
    call(SYS_madvise, 0, 0, populate_write),
    call(SYS_close),
    call(SYS_read),
    call(SYS_pread64),
    call(SYS_lseek),
    call(SYS_statx),
    call(SYS_readlinkat),
    call(SYS_getdents64),
    call(SYS_prctl, PR_GET_NAME),
    call(SYS_prctl, PR_GET_SECCOMP),
    call(SYS_getpid),
    call(SYS_getppid),
    call(SYS_gettid),
    call(SYS_tgkill),
    call(SYS_prlimit64),
    call(SYS_ppoll),
    call(SYS_fcntl, 0, F_GETFD),
    call(SYS_fcntl, 0, F_DUPFD_CLOEXEC),
    call(SYS_nanosleep),
    call(SYS_sched_yield),
    call(SYS_process_vm_readv),
};

uint32_t word_of(const seccomp_data &data, uint32_t offset)
{
    uint32_t word = 0;
    if (offset <= sizeof data - sizeof word && offset % sizeof word == 0)
        __builtin_memcpy(&word, reinterpret_cast<const char *>(&data) + offset, sizeof word);
    return word;
}

/// Runs classic BPF as seccomp(2) allows it (kernel/seccomp.c, seccomp_check_filter). The kernel has checked the
/// program: it has no loops, and no jump leads out of it.
uint32_t run(const sock_filter *code, unsigned length, const seccomp_data &data)
{
    uint32_t a = 0, x = 0, memory[BPF_MEMWORDS] = {};
    for (unsigned i = 0; i < length; i++) {
        const sock_filter &at = code[i];
        const uint32_t operand = BPF_SRC(at.code) == BPF_X ? x : at.k;
        switch (BPF_CLASS(at.code)) {
        case BPF_LD:
        case BPF_LDX: {
            const uint32_t value = BPF_MODE(at.code) == BPF_ABS   ? word_of(data, at.k)
                                   : BPF_MODE(at.code) == BPF_MEM ? memory[at.k % BPF_MEMWORDS]
                                   : BPF_MODE(at.code) == BPF_LEN ? static_cast<uint32_t>(sizeof data)
                                                                  : at.k;
            (BPF_CLASS(at.code) == BPF_LD ? a : x) = value;
            break;
        }
        case BPF_ST:
            memory[at.k % BPF_MEMWORDS] = a;
            break;
        case BPF_STX:
            memory[at.k % BPF_MEMWORDS] = x;
            break;
        case BPF_ALU:
            switch (BPF_OP(at.code)) {
            case BPF_ADD:
                a += operand;
                break;
            case BPF_SUB:
                a -= operand;
                break;
            case BPF_MUL:
                a *= operand;
                break;
            case BPF_DIV:
                if (operand == 0)
                    return 0;
                a /= operand;
                break;
            case BPF_OR:
                a |= operand;
                break;
            case BPF_AND:
                a &= operand;
                break;
            case BPF_XOR:
                a ^= operand;
                break;
            case BPF_LSH:
                a = operand < 32 ? a << operand : 0;
                break;
            case BPF_RSH:
                a = operand < 32 ? a >> operand : 0;
                break;
            case BPF_NEG:
                a = ~a + 1;
                break;
            }
            break;
        case BPF_JMP:
            if (BPF_OP(at.code) == BPF_JA) {
                i += at.k;
            } else {
                const bool yes = BPF_OP(at.code) == BPF_JEQ   ? a == operand
                                 : BPF_OP(at.code) == BPF_JGT ? a > operand
                                 : BPF_OP(at.code) == BPF_JGE ? a >= operand
                                                              : (a & operand) != 0;
                i += yes ? at.jt : at.jf;
            }
            break;
        case BPF_RET:
            return BPF_RVAL(at.code) == BPF_A ? a : at.k;
        case BPF_MISC:
            (BPF_MISCOP(at.code) == BPF_TAX ? x : a) = BPF_MISCOP(at.code) == BPF_TAX ? a : x;
            break;
        }
    }
    return kill_process;
}

} // namespace

bool lets_recorder_live(const void *program)
{
    const auto &filter = *static_cast<const sock_fprog *>(program);
    for (const seccomp_data &data : calls_of_recorder) {
        const uint32_t action = run(filter.filter, filter.len, data) & SECCOMP_RET_ACTION_FULL;
        if (action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_ERRNO && action != log_action)
            return false;
    }
    return true;
}

} // namespace unpaired
