// The general unwinder: LLVM's libunwind, linked statically and hidden. It starts in this library and is taken
// outwards to the hook's caller.
#define UNW_LOCAL_ONLY
#include "walk.h"

#include "own_stack.h"

#include <dlfcn.h>
#include <elf.h>
#include <libunwind.h>
#include <link.h>

// glibc ≥ 2.35; asynchronous-signal-safe and lock-free. Weak: older ones do without.
extern "C" int _dl_find_object(void *address, struct dl_find_object *result) noexcept __attribute__((weak));

/// What libunwind calls in place of dl_iterate_phdr(3) (cmake/LLVMLibunwind.cmake). That one waits for the loader's lock,
/// which a signal handler's longjmp or a fork may have left taken for ever. The third word of `data` is the address whose
/// module is wanted (LLVM's dl_iterate_cb_data::targetAddr): no other needs to be shown.
extern "C" __attribute__((visibility("hidden"))) int
unpaired_find_module(int (*callback)(dl_phdr_info *, size_t, void *), void *data)
{
    dl_find_object object;
    if (_dl_find_object == nullptr)
        return dl_iterate_phdr(callback, data);
    if (_dl_find_object(static_cast<void **>(data)[2], &object) != 0)
        return 0;
    const auto *header = static_cast<const ElfW(Ehdr) *>(object.dlfo_map_start);
    if (__builtin_memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return dl_iterate_phdr(callback, data); // a module whose first segment does not have its header
    dl_phdr_info info{};
    info.dlpi_addr = object.dlfo_link_map->l_addr;
    info.dlpi_name = object.dlfo_link_map->l_name;
    info.dlpi_phdr = reinterpret_cast<const ElfW(Phdr) *>(static_cast<const char *>(object.dlfo_map_start) +
                                                          header->e_phoff);
    info.dlpi_phnum = header->e_phnum;
    return callback(&info, sizeof info, data);
}

namespace unpaired {
namespace {

/// A frame that a signal interrupted: libunwind 14 takes its pc for a return address, and so finds the row of its table
/// before the right one (mended in LLVM 20, pull request 92291). With the address of the next byte it finds the right
/// one. There is no help at a function's last byte, nor at its first if the byte before belongs to none: then it has ended.
void step_from_interrupted(unw_cursor_t &cursor, unw_word_t pc)
{
    unw_word_t sp;
    unw_proc_info_t function;
    unw_get_reg(&cursor, UNW_REG_SP, &sp);
    unw_set_reg(&cursor, UNW_REG_IP, pc + 1);
    if (unw_get_proc_info(&cursor, &function) != 0 || function.start_ip > pc || function.end_ip <= pc)
        unw_set_reg(&cursor, UNW_REG_IP, pc);
    unw_set_reg(&cursor, UNW_REG_SP, sp); // setting the pc may have moved it by the size of pushed arguments
}

struct Walk {
    const Caller &caller;
    Stack &stack;
};

void walk_from_here(void *argument)
{
    const Caller &caller = static_cast<Walk *>(argument)->caller;
    Stack &stack = static_cast<Walk *>(argument)->stack;
    constexpr unsigned frames_of_ours = 16;
    unw_context_t context;
    unw_cursor_t cursor;
    stack.depth = 1;
    stack.pc[0] = caller.pc;
    if (unw_getcontext(&context) != 0 || unw_init_local(&cursor, &context) != 0)
        return;
    unw_word_t pc = 0;
    bool arrived = false;
    for (unsigned i = 0; i < frames_of_ours && !arrived; i++) {
        if (unw_step(&cursor) < 0 || unw_get_reg(&cursor, UNW_REG_IP, &pc) != 0)
            return;
        arrived = pc == caller.pc;
    }
    if (!arrived)
        return;
    // At a frame without tables unw_step() says that it has ended, but it has come to that frame. No unwinder goes on
    // from there; nor may it go on from a frame whose table it would abort at.
    while (stack.depth < UNPAIRED_MAX_DEPTH &&
           rule_at(stack.pc[stack.depth - 1]).kind != cfi::Kind::no_code) {
        const unw_word_t before = pc;
        const int more = unw_step(&cursor);
        if (more < 0 || unw_get_reg(&cursor, UNW_REG_IP, &pc) != 0 || pc < 4096 ||
            (more == 0 && pc == before))
            return;
        const bool interrupted = unw_is_signal_frame(&cursor) > 0;
        stack.pc[stack.depth++] = pc + (interrupted ? 1 : 0);
        if (interrupted)
            step_from_interrupted(cursor, pc);
    }
}

} // namespace

void walk_with_libunwind(const Caller &caller, Stack &stack)
{
    // Its cursor and the rows of its tables take 6 KiB of stack.
    Walk walk{caller, stack};
    stack.depth = 0;
    if (!call_on_own_stack(walk_from_here, &walk) && is_on_first_stack(stack_pointer()))
        walk_from_here(&walk);
}

} // namespace unpaired
