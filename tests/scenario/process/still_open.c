// scenario: a library opened twice and closed once is still open once
// plugin: leaking_plugin.c
// note: {"rule": "never-released", "family": "dl", "function": "dlopen", "count": 1, "blame": "main:open"}
#include "must.h"

#include <dlfcn.h>

int main(void)
{
    void *library = NULL;
    int i;
    for (i = 0; i < 2; i++)
        library = dlopen(PLUGIN, RTLD_NOW); /* blame:open */
    MUST(library && dlclose(library) == 0);
    return 0;
}
