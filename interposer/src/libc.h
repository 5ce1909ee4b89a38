// The functions of the C library and of the loader that the recorder calls. They are looked up in these libraries'
// own symbol tables, since the program may define functions of the same names.
#pragma once

#include <cstdio>
#include <dirent.h>
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

namespace unpaired::libc {

struct Functions {
    void *(*dlsym)(void *, const char *);
    void *(*dlvsym)(void *, const char *, const char *);
    char *(*dlerror)();
    int (*dladdr)(const void *, Dl_info *);
    int (*dladdr1)(const void *, Dl_info *, void **, int);
    int (*dl_iterate_phdr)(int (*)(dl_phdr_info *, size_t, void *), void *);
    int (*dl_find_object)(void *, dl_find_object *); ///< nullptr before glibc 2.35
    unsigned long (*getauxval)(unsigned long);
    int (*fileno_unlocked)(FILE *);
    int (*dirfd)(DIR *);
    int (*pthread_attr_getdetachstate)(const pthread_attr_t *, int *);
    int (*clone)(int (*)(void *), void *, int, void *, ...);
    void *const *program_break; ///< __curbrk, the result of sbrk(0); nullptr if the C library has none
    void *const *stack_end;     ///< __libc_stack_end, the start of the first thread's stack
};

extern Functions found;
extern bool all_found;

void find_functions();

/// Returns the functions, and looks them up at the first call. All but dl_find_object exist in every glibc.
inline const Functions &functions()
{
    if (!__atomic_load_n(&all_found, __ATOMIC_ACQUIRE))
        find_functions();
    return found;
}

} // namespace unpaired::libc
