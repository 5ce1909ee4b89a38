// Defines functions that LLVM's libunwind calls, under the names in cmake/libunwind_symbols.txt. They replace
// functions that the program may define, that allocate or lock, or that end the process.
#include "walk.h"

#include "libc.h"

#include <elf.h>
#include <link.h>

using namespace unpaired;

namespace unpaired {

__thread void **unwinder_gives_up __attribute__((tls_model("initial-exec")));

} // namespace unpaired

#define UNPAIRED_NEED extern "C" __attribute__((visibility("hidden"), used))

/// Replaces dl_iterate_phdr(3), which waits for the loader's lock: after a signal handler's longjmp or a fork the
/// lock may stay taken. The third word of `data` is an address in the wanted module (LLVM's
/// dl_iterate_cb_data::targetAddr), so `callback` gets only that module.
UNPAIRED_NEED int unpaired_find_module(int (*callback)(dl_phdr_info *, size_t, void *), void *data)
{
    const libc::Functions &libc = libc::functions();
    dl_find_object object;
    if (libc.dl_find_object == nullptr)
        return libc.dl_iterate_phdr(callback, data);
    if (libc.dl_find_object(static_cast<void **>(data)[2], &object) != 0)
        return 0;
    const auto *header = static_cast<const ElfW(Ehdr) *>(object.dlfo_map_start);
    if (__builtin_memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return libc.dl_iterate_phdr(callback, data); // the module's first segment does not contain the header
    dl_phdr_info info{};
    info.dlpi_addr = object.dlfo_link_map->l_addr;
    info.dlpi_name = object.dlfo_link_map->l_name;
    info.dlpi_phdr = reinterpret_cast<const ElfW(Phdr) *>(static_cast<const char *>(object.dlfo_map_start) +
                                                          header->e_phoff);
    info.dlpi_phnum = header->e_phnum;
    return callback(&info, sizeof info, data);
}

/// Replaces abort(3), which libunwind calls for tables that it does not understand: ends the walk.
UNPAIRED_NEED __attribute__((noreturn)) void unpaired_unwinder_abort()
{
    if (unwinder_gives_up != nullptr)
        __builtin_longjmp(unwinder_gives_up, 1);
    __builtin_trap();
}

/// Keep libunwind's cache of frame tables empty, since the rules (unwind_rules.h) are a cache. So its lock guards
/// nothing, and it allocates nothing.
UNPAIRED_NEED void unpaired_unwinder_keeps_nothing(uint64_t, uint64_t, uint64_t, uint64_t) __asm__(
    "_ZN9libunwind13DwarfFDECacheINS_17LocalAddressSpaceEE3addEmmmm");
UNPAIRED_NEED void unpaired_unwinder_keeps_nothing(uint64_t, uint64_t, uint64_t, uint64_t) {}
UNPAIRED_NEED int unpaired_unwinder_rdlock(void *) { return 0; }
UNPAIRED_NEED int unpaired_unwinder_wrlock(void *) { return 0; }
UNPAIRED_NEED int unpaired_unwinder_unlock(void *) { return 0; }
UNPAIRED_NEED void *unpaired_unwinder_malloc(size_t) { return nullptr; }
UNPAIRED_NEED void unpaired_unwinder_free(void *) {}

/// libunwind prints a message before it aborts.
extern "C" {
__attribute__((visibility("hidden"))) void *unpaired_unwinder_stderr;
}
UNPAIRED_NEED int unpaired_unwinder_fprintf(void *, const char *, ...) { return 0; }
UNPAIRED_NEED int unpaired_unwinder_fprintf_chk(void *, int, const char *, ...) { return 0; }
UNPAIRED_NEED int unpaired_unwinder_fflush(void *) { return 0; }
UNPAIRED_NEED size_t unpaired_unwinder_fwrite(const void *, size_t, size_t n, void *) { return n; }
UNPAIRED_NEED int unpaired_unwinder_snprintf(char *to, size_t room, const char *, ...)
{
    if (room != 0)
        *to = '\0';
    return 0;
}
/// Replaces dladdr(3): the walk needs no names of functions.
UNPAIRED_NEED int unpaired_unwinder_dladdr(const void *, void *) { return 0; }
/// Replaces __stack_chk_fail, which the C library or the program defines.
UNPAIRED_NEED __attribute__((noreturn)) void unpaired_unwinder_stack_chk_fail() { __builtin_trap(); }
