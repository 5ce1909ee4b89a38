/* As large as leaking_plugin.c, so that it takes its place: plugins_in_turn.c. */
#include <stdlib.h>

void *volatile other_plugin_last;

__attribute__((noinline)) static void leak_in_other(void)
{
    other_plugin_last = malloc(321); /* blame:other */
}

void plugin_run(int n);
void plugin_run(int n)
{
    while (n-- > 0)
        leak_in_other();
}
