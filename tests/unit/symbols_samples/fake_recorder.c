/* Stands in for libunpaired_preload.so: says what the program told it. */
#include <stdint.h>
#include <stdio.h>

static uint32_t current;

static void say(const char *what, uint32_t owner)
{
    printf("%s %.4s\n", what, owner ? (const char *)&owner : "-");
}

uint32_t unpaired_owner_push_impl(uint32_t owner)
{
    uint32_t previous = current;
    current = owner;
    say("push", owner);
    return previous;
}

void unpaired_owner_pop_impl(uint32_t previous)
{
    current = previous;
    say("pop", previous);
}

void unpaired_mark_impl(const char *name) { printf("mark %s\n", name ? name : "-"); }
