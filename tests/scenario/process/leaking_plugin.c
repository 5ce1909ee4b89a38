/* A library that leaks and is unloaded: plugins.c. */
#include <stdlib.h>

void *volatile leaking_plugin_last;

__attribute__((noinline)) static void leak_in_plugin(void)
{
    leaking_plugin_last = malloc(123); /* blame:first */
}

void plugin_run(int n);
void plugin_run(int n)
{
    while (n-- > 0)
        leak_in_plugin();
}
