// scenario: what a library leaked is blamed on its lines after it was unloaded, loaded again, and unloaded
// plugin: leaking_plugin.c
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 7, "bytes": 861,
//          "blame": "leak_in_plugin:first", "stack": ["leak_in_plugin:first", "plugin_run", "load_and_run", "main"]}
// totals: {"dl": {"acquired": 2, "released": 2, "unpaired": 0}}
#include "must.h"

#include <dlfcn.h>

FRAME static void load_and_run(int n)
{
    void *library = dlopen(PLUGIN, RTLD_NOW | RTLD_LOCAL);
    void (*run)(int);
    MUST(library);
    *(void **)&run = dlsym(library, "plugin_run");
    MUST(run);
    run(n);
    MUST(dlclose(library) == 0);
}

int main(void)
{
    int n;
    for (n = 3; n <= 4; n++)
        load_and_run(n);
    return 0;
}
