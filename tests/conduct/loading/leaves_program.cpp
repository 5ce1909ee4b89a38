// build: -rdynamic
// link: -ldl -pthread
// Loads a library whose constructor is left by an exception, pthread_exit() or longjmp().
//   leaves_program WAY LIBRARY
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <pthread.h>
#include <string>
#include <unistd.h>

extern "C" {
const char *way_to_leave;
jmp_buf back;
__attribute__((noinline)) void opens_the_library(const char *path);
}

namespace {

struct Named {
    long kept;
    ~Named() { printf("the caller's object is gone, %ld\n", kept); }
};

void *act(void *path)
{
    const Named named{atol("7")}; // a callee-saved register must keep its value
    try {
        if (setjmp(back) == 0)
            opens_the_library(static_cast<const char *>(path));
        else
            puts("jumped back");
    } catch (int value) {
        printf("caught %d\n", value);
    }
    return nullptr;
}

} // namespace

void opens_the_library(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);
    printf("%s\n", library != nullptr ? "loaded" : dlerror());
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    way_to_leave = arguments[1];
    if (std::string(way_to_leave) != "pthread_exit") {
        act(arguments[2]);
        return 0;
    }
    pthread_t thread;
    if (pthread_create(&thread, nullptr, act, arguments[2]) != 0)
        return 3;
    pthread_join(thread, nullptr);
    puts("joined");
    fflush(stdout);
    _exit(0); // the ended thread holds the loader's lock forever
}
