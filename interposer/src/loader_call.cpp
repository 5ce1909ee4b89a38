// Calls the loader with a return address that lies in the caller's library: at the end of any function there that
// pops a few words from the stack and returns, to us. The unwind rule at that place must describe the same, since C++
// exceptions, pthread_exit() and debuggers pass through the frame.
#include "loader_call.h"

#include "libc.h"
#include "unwind_rules.h"

#include <cstring>
#include <link.h>

namespace unpaired::loader_call {
namespace {

#if defined(__x86_64__)
/// The end of a function, which pops `words` words from the stack and returns.
struct Place {
    uint64_t address = 0; ///< 0: not found
    unsigned words = 0;
    bool by_frame = false; ///< `leave` or `pop %rbp`: the rule finds the first word by %rbp
};
constexpr unsigned most_words = 64;

/// Returns the start of an instruction that pops a callee-saved register and ends at `at`, or nullptr if no such
/// instruction ends there.
const uint8_t *pop_before(const uint8_t *start, const uint8_t *at)
{
    if (at - start >= 2 && at[-2] == 0x41 && at[-1] >= 0x5c && at[-1] <= 0x5f) // %r12 to %r15
        return at - 2;
    return at > start && (at[-1] == 0x5b || at[-1] == 0x5d) ? at - 1 : nullptr; // %rbx, %rbp
}

/// Returns the start of an `add $bytes, %rsp` that ends at `at`, and sets `words` to its number of words. Returns
/// nullptr if no such instruction ends there.
const uint8_t *add_before(const uint8_t *start, const uint8_t *at, unsigned &words)
{
    uint32_t bytes = 0;
    const uint8_t *from = nullptr;
    if (at - start >= 4 && memcmp(at - 4, "\x48\x83\xc4", 3) == 0) {
        from = at - 4;
        bytes = at[-1];
    } else if (at - start >= 7 && memcmp(at - 7, "\x48\x81\xc4", 3) == 0) {
        from = at - 7;
        memcpy(&bytes, at - 4, sizeof bytes);
    }
    words = bytes / 8;
    return bytes % 8 == 0 && words <= most_words ? from : nullptr;
}

bool fits(const uint8_t *at, unsigned words, bool by_frame)
{
    const auto address = reinterpret_cast<uint64_t>(at);
    const cfi::Rule rule = cfi::read_rule(address);
    const int n = static_cast<int>(words);
    const bool same = by_frame
                          ? rule.kind == cfi::Kind::from_bp && rule.cfa_offset == 16 && rule.bp_words == -2
                          : rule.kind == cfi::Kind::from_sp && rule.cfa_offset == 8 * (n + 1) &&
                                (rule.bp_words == 0 || (rule.bp_words <= -2 && rule.bp_words >= -n - 1));
    return same && cfi::has_no_handlers(address);
}

/// Returns the end of a function whose last instruction is this `ret`, if an unwind rule fits.
Place place_before(const uint8_t *start, const uint8_t *ret)
{
    const uint8_t *at = ret;
    for (unsigned words = 0; at != nullptr && at > start && words < most_words; words++) {
        if (fits(at, words, false))
            return {reinterpret_cast<uint64_t>(at), words, false};
        unsigned more = 0;
        if (const uint8_t *add = add_before(start, at, more);
            add != nullptr && add > start && fits(add, words + more, false))
            return {reinterpret_cast<uint64_t>(add), words + more, false};
        at = pop_before(start, at);
    }
    const bool takes_frame = ret - start >= 2 && (ret[-1] == 0xc9 || ret[-1] == 0x5d); // leave, or pop %rbp
    return takes_frame && fits(ret - 1, 1, true) ? Place{reinterpret_cast<uint64_t>(ret - 1), 1, true}
                                                 : Place{};
}

Place search_segment(const uint8_t *start, const uint8_t *end)
{
    constexpr unsigned most_looks = 20'000;
    const uint8_t *at = start;
    for (unsigned looks = 0; at < end && looks < most_looks; looks++, at++) {
        at = static_cast<const uint8_t *>(memchr(at, 0xc3, static_cast<size_t>(end - at)));
        if (at == nullptr)
            break;
        if (const Place place = place_before(start, at); place.address != 0)
            return place;
    }
    return {};
}

struct Search {
    uint64_t caller;
    Place found{};
    Place in_program{}; ///< the loader treats code outside its objects as the program's
    bool first = true;
};

int visit(dl_phdr_info *info, size_t, void *data)
{
    auto &search = *static_cast<Search *>(data);
    const auto covers = [&](const ElfW(Phdr) & segment) {
        return segment.p_type == PT_LOAD &&
               search.caller - (info->dlpi_addr + segment.p_vaddr) < segment.p_memsz;
    };
    bool callers = false;
    for (unsigned i = 0; i < info->dlpi_phnum; i++)
        callers = callers || covers(info->dlpi_phdr[i]);
    if (!callers && !search.first)
        return 0;
    Place place;
    for (unsigned i = 0; i < info->dlpi_phnum && place.address == 0; i++) {
        const ElfW(Phdr) &segment = info->dlpi_phdr[i];
        if (segment.p_type == PT_LOAD && (segment.p_flags & (PF_X | PF_R)) == (PF_X | PF_R)) {
            const auto *start = reinterpret_cast<const uint8_t *>(info->dlpi_addr + segment.p_vaddr);
            place = search_segment(start, start + segment.p_filesz);
        }
    }
    if (search.first)
        search.in_program = place;
    search.first = false;
    search.found = place;
    return callers ? 1 : 0;
}

bool has_shadow_stack()
{
    uint64_t pointer = 0;
    __asm__ volatile("rdsspq %0" : "+r"(pointer)); // does nothing on a processor without shadow stacks
    return pointer != 0;
}

extern "C" __attribute__((visibility("hidden"))) void *
unpaired_call_from(void *function, uint64_t place, uint64_t words, uint64_t by_frame, const long *arguments);
// All words are our own %rbp: an unwinder that restores %rbp from one of them finds this frame, which holds the
// callee-saved registers.
__asm__(R"(
    .text
    .p2align 4
    .globl unpaired_call_from
    .hidden unpaired_call_from
    .type unpaired_call_from, @function
unpaired_call_from:
    .cfi_startproc
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    push %rbx
    .cfi_offset %rbx, -24
    push %r12
    .cfi_offset %r12, -32
    push %r13
    .cfi_offset %r13, -40
    push %r14
    .cfi_offset %r14, -48
    push %r15
    .cfi_offset %r15, -56
    # The stack is 8 behind a multiple of 16, as it must be at the start of the function.
    test $1, %dl
    jz 1f
    push $0
1:  lea 4f(%rip), %rax
    push %rax
2:  test %rdx, %rdx
    jz 3f
    push %rbp
    dec %rdx
    jmp 2b
3:  mov %rdi, %rax
    mov %rsp, %r10
    push %rsi
    test %rcx, %rcx
    cmovnz %r10, %rbp
    mov (%r8), %rdi
    mov 8(%r8), %rsi
    mov 16(%r8), %rdx
    jmp *%rax
    nop
4:  mov -8(%rbp), %rbx
    mov -16(%rbp), %r12
    mov -24(%rbp), %r13
    mov -32(%rbp), %r14
    mov -40(%rbp), %r15
    leave
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
    .size unpaired_call_from, .-unpaired_call_from
)");
#endif

} // namespace

void *call(const Caller &caller, void *function, long a, long b, long c)
{
#if defined(__x86_64__)
    if (!has_shadow_stack()) {
        Search search{caller.pc - 1};
        const bool known = libc::functions().dl_iterate_phdr(visit, &search) != 0;
        const Place &place = known ? search.found : search.in_program;
        const long arguments[] = {a, b, c};
        if (place.address != 0)
            return unpaired_call_from(function, place.address, place.words, place.by_frame, arguments);
    }
#else
    static_cast<void>(caller);
#endif
    return reinterpret_cast<void *(*)(long, long, long)>(function)(a, b, c);
}

} // namespace unpaired::loader_call
