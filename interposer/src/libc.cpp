#include "libc.h"

#include "elf_symbols.h"
#include "sys.h"

#include <cstring>
#include <fcntl.h>
#include <initializer_list>

#pragma weak _r_debug

namespace unpaired::libc {

Functions found;
bool all_found;

namespace {

/// Returns the list of loaded objects, as the loader shows it to debuggers.
const link_map *loaded_objects()
{
    if (&_r_debug != nullptr && _r_debug.r_map != nullptr)
        return _r_debug.r_map;
    // There is no _r_debug, or the program defines one. The loader also stores the address of its own in the
    // program's dynamic section.
    const long fd = sys::call(SYS_openat, AT_FDCWD, sys::of("/proc/self/auxv"), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return nullptr;
    uint64_t entry[2], headers = 0, n = 0;
    while (sys::call(SYS_read, fd, sys::of(entry), sizeof entry) == sizeof entry) {
        headers = entry[0] == AT_PHDR ? entry[1] : headers;
        n = entry[0] == AT_PHNUM ? entry[1] : n;
    }
    sys::call(SYS_close, fd);
    const auto *header = reinterpret_cast<const ElfW(Phdr) *>(headers);
    uint64_t bias = 0;
    for (uint64_t i = 0; i < n; i++)
        if (header[i].p_type == PT_PHDR)
            bias = headers - header[i].p_vaddr;
    for (uint64_t i = 0; i < n; i++)
        if (header[i].p_type == PT_DYNAMIC)
            for (const auto *at = reinterpret_cast<const ElfW(Dyn) *>(bias + header[i].p_vaddr);
                 at->d_tag != DT_NULL; at++)
                if (at->d_tag == DT_DEBUG && at->d_un.d_ptr != 0)
                    return reinterpret_cast<const r_debug *>(at->d_un.d_ptr)->r_map;
    return nullptr;
}

/// Returns true for the C library, its loader, and the separate libraries of an older C library.
bool is_libc(const char *name)
{
    for (const char *begin : {"libc.so.", "ld-linux", "libpthread.so.", "libdl.so."})
        if (strncmp(name, begin, strlen(begin)) == 0)
            return true;
    return false;
}

template <class Function> void find(const ElfSymbols &symbols, Function *&function, const char *name)
{
    if (function == nullptr)
        function = reinterpret_cast<Function *>(symbols.find(name));
}

} // namespace

void find_functions()
{
    Functions all{};
    for (const link_map *object = loaded_objects(); object != nullptr; object = object->l_next) {
        ElfSymbols symbols;
        if (!symbols.read(object->l_addr, object->l_ld) || !is_libc(symbols.name()))
            continue;
        find(symbols, all.dlsym, "dlsym");
        find(symbols, all.dlvsym, "dlvsym");
        find(symbols, all.dlerror, "dlerror");
        find(symbols, all.dladdr, "dladdr");
        find(symbols, all.dladdr1, "dladdr1");
        find(symbols, all.dl_iterate_phdr, "dl_iterate_phdr");
        find(symbols, all.dl_find_object, "_dl_find_object");
        find(symbols, all.getauxval, "getauxval");
        find(symbols, all.fileno_unlocked, "fileno_unlocked");
        find(symbols, all.dirfd, "dirfd");
        find(symbols, all.pthread_attr_getdetachstate, "pthread_attr_getdetachstate");
        find(symbols, all.clone, "clone");
        find(symbols, all.program_break, "__curbrk");
        find(symbols, all.stack_end, "__libc_stack_end");
    }
    if (all.dlsym == nullptr || all.dlvsym == nullptr || all.dlerror == nullptr || all.dladdr == nullptr ||
        all.dladdr1 == nullptr || all.dl_iterate_phdr == nullptr || all.getauxval == nullptr) {
        static const char text[] = "unpaired: cannot find the symbols of the C library\n";
        sys::call(SYS_write, 2, sys::of(text), sizeof text - 1);
        sys::call(SYS_exit_group, 127);
    }
    found = all;
    __atomic_store_n(&all_found, true, __ATOMIC_RELEASE);
}

} // namespace unpaired::libc
