#include "real.h"

#include "libc.h"
#include "modules.h"
#include "sys.h"

#include <cstring>
#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <link.h>

namespace unpaired::real {

void *addresses[function_end];

namespace {

uint32_t lookups; // under way, in all threads

constexpr const char *names[function_end] = {
    "",
#define UNPAIRED_EACH_FUNCTION(function) #function,
#include "unpaired/resources/table.def"
};

// Looked up when first called: lwIP and the C++ runtime need not be there, and a failing dlsym allocates.
constexpr bool may_be_absent[function_end] = {
    false,
#define UNPAIRED_EACH_FUNCTION(function)            \
    (#function[0] == '_' && #function[1] == 'Z') || \
        UNPAIRED_FUNCTION_##function >= UNPAIRED_FUNCTION_lwip_socket,
#include "unpaired/resources/table.def"
};

/// Returns the symbol version under which programs call a function of the heap, or nullptr for all other functions.
const char *version_of(unsigned function)
{
    switch (function) {
#if defined(__x86_64__)
    case UNPAIRED_FUNCTION_aligned_alloc:
        return "GLIBC_2.16";
#else
    case UNPAIRED_FUNCTION_aligned_alloc:
#endif
    case UNPAIRED_FUNCTION_malloc:
    case UNPAIRED_FUNCTION_calloc:
    case UNPAIRED_FUNCTION_realloc:
    case UNPAIRED_FUNCTION_memalign:
    case UNPAIRED_FUNCTION_posix_memalign:
    case UNPAIRED_FUNCTION_valloc:
    case UNPAIRED_FUNCTION_pvalloc:
    case UNPAIRED_FUNCTION_free:
    case UNPAIRED_FUNCTION_malloc_usable_size:
#if defined(__x86_64__)
        return "GLIBC_2.2.5";
#else
        return "GLIBC_2.17";
#endif
    default:
        return nullptr;
    }
}

bool in_same_library(const void *one, const void *other)
{
    Dl_info of_one, of_other;
    return libc::functions().dladdr(one, &of_one) != 0 && libc::functions().dladdr(other, &of_other) != 0 &&
           of_one.dli_fbase == of_other.dli_fbase;
}

/// Returns the next definition after this library, or nullptr. libc_malloc_debug.so marks its functions as not the
/// default version: dlsym(3) skips them and finds the C library's own, so this asks for the version that programs
/// call.
void *next(unsigned function)
{
    void *symbol = libc::functions().dlsym(RTLD_NEXT, names[function]);
    const char *version = version_of(function);
    if (version == nullptr || symbol == nullptr ||
        !in_same_library(symbol, reinterpret_cast<const void *>(libc::functions().fileno_unlocked)))
        return symbol;
    void *versioned = libc::functions().dlvsym(RTLD_NEXT, names[function], version);
    return versioned != nullptr ? versioned : symbol;
}

struct Search {
    const char *name;
    const void *ours;
    void *found;
};

/// Libraries loaded with RTLD_LOCAL are not in anybody's search order but their own, and yet their calls come to
/// us, because we are in the global one: python loading a C++ extension.
int search_module(dl_phdr_info *info, size_t, void *data)
{
    auto &search = *static_cast<Search *>(data);
    if (info->dlpi_name == nullptr || info->dlpi_name[0] == '\0')
        return 0;
    void *handle = load_library(info->dlpi_name);
    if (handle == nullptr)
        return 0;
    void *symbol = libc::functions().dlsym(handle, search.name);
    unload_library(handle);
    if (symbol == nullptr)
        return 0;
    Dl_info where;
    if (libc::functions().dladdr(symbol, &where) == 0 || where.dli_fbase == search.ours)
        return 0;
    search.found = symbol;
    return 1;
}

const void *our_base()
{
    Dl_info where;
    return libc::functions().dladdr(reinterpret_cast<void *>(&find), &where) != 0 ? where.dli_fbase : nullptr;
}

} // namespace

// A plain call would reach this library's own hook of the same name.
void *load_library(const char *name)
{
    return reinterpret_cast<void *(*)(const char *, int)>(address(UNPAIRED_FUNCTION_dlopen))(
        name, RTLD_LAZY | RTLD_NOLOAD);
}
void unload_library(void *handle)
{
    reinterpret_cast<int (*)(void *)>(address(UNPAIRED_FUNCTION_dlclose))(handle);
}

const char *name_of(unsigned function) { return names[function]; }

bool looking_up() { return __atomic_load_n(&lookups, __ATOMIC_RELAXED) != 0; }

void *find(unsigned function)
{
    __atomic_fetch_add(&lookups, 1u, __ATOMIC_RELAXED);
    void *symbol = next(function);
    if (symbol == nullptr) {
        Search search{names[function], our_base(), nullptr};
        libc::functions().dl_iterate_phdr(search_module, &search);
        symbol = search.found;
    }
    __atomic_fetch_sub(&lookups, 1u, __ATOMIC_RELAXED);
    if (symbol == nullptr) {
        static const char text[] =
            ": symbol lookup error: undefined symbol (reached through libunpaired_preload.so)\n";
        sys::of_program(SYS_write, 2, sys::of(names[function]), static_cast<long>(strlen(names[function])));
        sys::of_program(SYS_write, 2, sys::of(text), sizeof text - 1);
        sys::of_program(SYS_exit_group, 127);
    }
    __atomic_store_n(&addresses[function], symbol, __ATOMIC_RELAXED);
    return symbol;
}

const void *known_or_next(unsigned function)
{
    if (const void *known = __atomic_load_n(&addresses[function], __ATOMIC_RELAXED); known != nullptr)
        return known;
    const void *symbol = next(function);
    if (symbol == nullptr)
        libc::functions().dlerror(); // clears the message, which the program must not see
    return symbol;
}

void find_all()
{
    for (unsigned function = 1; function < function_end; function++)
        if (!may_be_absent[function])
            if (void *symbol = next(function))
                __atomic_store_n(&addresses[function], symbol, __ATOMIC_RELAXED);
}

bool defined_elsewhere(unsigned function)
{
    void *symbol = libc::functions().dlsym(RTLD_DEFAULT, names[function]);
    if (symbol == nullptr)
        return false;
    Dl_info where;
    ElfW(Sym) *entry = nullptr;
    if (libc::functions().dladdr1(symbol, &where, reinterpret_cast<void **>(&entry), RTLD_DL_SYMENT) == 0)
        return false;
    // A non-PIE program that takes the function's address has a PLT entry under its name: not a definition.
    const bool defined = entry == nullptr || entry->st_shndx != SHN_UNDEF;
    return where.dli_fbase != our_base() && defined;
}

bool is_from_library_with(unsigned function, const char *landmark)
{
    Dl_info where, mark;
    if (libc::functions().dladdr(address(function), &where) == 0)
        return false;
    void *library = load_library(where.dli_fname);
    if (library == nullptr)
        return false;
    void *symbol = libc::functions().dlsym(library, landmark);
    const bool same = symbol != nullptr && libc::functions().dladdr(symbol, &mark) != 0 &&
                      mark.dli_fbase == where.dli_fbase;
    unload_library(library);
    return same;
}

} // namespace unpaired::real
