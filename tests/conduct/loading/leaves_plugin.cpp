// Leaves the library's constructor in the way that the program selects.
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <execinfo.h>
#include <pthread.h>

extern "C" {
extern __attribute__((weak)) const char *way_to_leave;
extern __attribute__((weak)) jmp_buf back;
}

namespace {

struct Named {
    ~Named() { puts("the constructor's object is gone"); }
};

void print_callers()
{
    void *frame[64];
    const int n = backtrace(frame, 64);
    char **name = backtrace_symbols(frame, n);
    bool found = false;
    for (int i = 0; i < n; i++)
        found = found || strstr(name[i], "opens_the_library") != nullptr;
    free(name);
    printf("the caller of dlopen is %s\n", found ? "found" : "not found");
}

__attribute__((constructor)) void loaded()
{
    if (&way_to_leave == nullptr)
        return;
    const Named named;
    if (strcmp(way_to_leave, "throw") == 0)
        throw 7;
    if (strcmp(way_to_leave, "pthread_exit") == 0)
        pthread_exit(nullptr);
    if (strcmp(way_to_leave, "longjmp") == 0)
        longjmp(back, 1);
    if (strcmp(way_to_leave, "backtrace") == 0)
        print_callers();
    if (strcmp(way_to_leave, "leak") == 0)
        memset(malloc(1234), 1, 1234);
}

} // namespace
