// scenario: the calls of a library that is loaded with RTLD_DEEPBIND are recorded, however it binds them
// link: -ldl
// plugin: deep_bind_plugin.c
// plugin2: own_heap_plugin.c
// output: freed by the library that has its own free: 5
// expect: {"rule": "never-released", "family": "heap", "count": 3, "bytes": 300, "blame": "forget:leaked"}
// totals: {"heap": {"released_unseen": 0}}
#define _GNU_SOURCE
#include "must.h"

#include <dlfcn.h>

static void use(const char *path, int mode)
{
    void *library = dlopen(path, mode | RTLD_DEEPBIND);
    MUST(library != NULL);
    void (*consume)(char *) = (void (*)(char *))dlsym(library, "consume");
    char *(*make)(void) = (char *(*)(void))dlsym(library, "make");
    MUST(consume != NULL && make != NULL);
    for (int i = 0; i < 100; i++)
        consume(strdup("a message")); // released there
    for (int i = 0; i < 100; i++)
        free(make()); // acquired there
    void (*forget)(void) = (void (*)(void))dlsym(library, "forget");
    if (forget != NULL && (mode & RTLD_NOW) != 0)
        forget();
    // The library stays loaded, so the report can name the leak's call site.
}

int main(void)
{
    use(PLUGIN, RTLD_LAZY);
    use(PLUGIN, RTLD_NOW);
    void *library = dlopen(PLUGIN2, RTLD_NOW | RTLD_DEEPBIND);
    MUST(library != NULL);
    int (*count)(void) = (int (*)(void))dlsym(library, "use_own_heap");
    MUST(count != NULL);
    printf("freed by the library that has its own free: %d\n", count());
    return 0;
}
