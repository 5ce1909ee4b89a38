// Functions of the C library and of the loader that the recorder calls. They are looked up in the libraries' own symbol
// tables: the program may define a function of the same name, for its own ends.
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
    void *const *program_break; ///< __curbrk: what sbrk(0) returns; nullptr if it is not there
    void *const *stack_end;     ///< __libc_stack_end: where the first thread's stack began
};

extern Functions found;
extern bool all_found;

void find_functions();

/// The functions, looked up at the first call. Each but dl_find_object is there in any glibc.
inline const Functions &functions()
{
    if (!__atomic_load_n(&all_found, __ATOMIC_ACQUIRE))
        find_functions();
    return found;
}

} // namespace unpaired::libc
