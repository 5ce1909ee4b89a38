// scenario: a library loaded where another one stood is not blamed for the other's leaks
// plugin: leaking_plugin.c
// plugin2: other_plugin.c
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 6, "bytes": 738, "blame": "leak_in_plugin:first", "stack": ["leak_in_plugin:first", "plugin_run", "load_and_run"]}
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 4, "bytes": 1284, "blame": "leak_in_other:other", "stack": ["leak_in_other:other", "plugin_run", "load_and_run"]}
#include "must.h"

#include <dlfcn.h>

FRAME static void load_and_run(const char *path, int n)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void (*run)(int);
    MUST(library);
    *(void **)&run = dlsym(library, "plugin_run");
    MUST(run);
    run(n);
    MUST(dlclose(library) == 0);
}

int main(void)
{
    int i;
    for (i = 0; i < 4; i++)
        load_and_run(i % 2 ? PLUGIN2 : PLUGIN, i % 2 ? 2 : 3);
    return 0;
}
