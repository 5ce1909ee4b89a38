// firmware: stacks of eight frames and more are right through strdup, a qsort callback, alloca, a tail call and new
// libc: nano newlib
// config: RING=64 SEND_AT_ONCE=1 FRAMES=24
// build: -fno-builtin
// report:
// stack: {"of": "malloc", "frames": ["plain_leaf", "d3", "d2", "d1", "c3",
//         "c2", "c1", "main"]}
// stack: {"of": "malloc", "frames": ["_strdup_r", "strdup_leaf", "d3", "d2", "d1", "c3",
//         "c2", "c1", "main"]}
// stack: {"of": "malloc", "frames": ["operator new", "new_leaf", "d3", "d2", "d1", "c3",
//         "c2", "c1", "main"]}
// stack: {"of": "malloc", "frames": ["compare", "med3", "qsort", "qsort_leaf", "d3", "d2", "d1", "c3",
//         "c2", "c1", "main"]}
// stack: {"of": "malloc", "frames": ["alloca_leaf", "d3", "d2", "d1", "c3",
//         "c2", "c1", "main"]}
// stack: {"of": "malloc", "frames": ["tail_target", "d3", "d2", "d1", "c3",
//         "c2", "c1", "main"]}
#include "board.h"

#include <alloca.h>
#include <stdlib.h>
#include <string.h>

/* Each chain goes through c1, c2, c3 and then its own way; volatile keeps every call a call. */
static volatile int zero;
static void *volatile kept[16];
static int keep_count;
static void keep(void *p) { kept[keep_count++] = p; }

extern "C" {
FRAME void plain_leaf(void)
{
    keep(malloc(101));
    asm volatile("");
}
FRAME void strdup_leaf(void)
{
    keep(strdup("a name that is copied"));
    asm volatile("");
}
FRAME void new_leaf(void)
{
    keep(new char[103]);
    asm volatile("");
}

FRAME int compare(const void *a, const void *b)
{
    if (!kept[15])
        kept[15] = malloc(104);
    return *(const int *)a - *(const int *)b;
}
FRAME void qsort_leaf(void)
{
    int numbers[9] = {5, 3, 9, 1, 7, 2, 8, 6, 4};
    qsort(numbers, 9, sizeof numbers[0], compare);
    MUST(numbers[0] == 1);
}

FRAME void use(char *p)
{
    p[zero] = 1;
    asm volatile("" ::"r"(p) : "memory");
}
FRAME void alloca_leaf(int n)
{
    char *room = (char *)alloca(40 + n * 8);
    use(room);
    keep(malloc(105));
    use(room);
}

__attribute__((noinline, noclone)) void tail_target(void)
{
    keep(malloc(106));
    asm volatile("");
}
__attribute__((noinline, noclone)) void tail_leaf(void) { tail_target(); }

FRAME void d3(int which)
{
    switch (which) {
    case 0:
        plain_leaf();
        break;
    case 1:
        strdup_leaf();
        break;
    case 2:
        new_leaf();
        break;
    case 3:
        qsort_leaf();
        break;
    case 4:
        alloca_leaf(which + zero);
        break;
    case 5:
        tail_leaf();
        break;
    }
    asm volatile("");
}
FRAME void d2(int which)
{
    char a[24];
    use(a);
    d3(which);
    use(a);
}
FRAME void d1(int which)
{
    d2(which);
    asm volatile("");
}
FRAME void c3(int which)
{
    char a[80];
    use(a);
    d1(which);
    use(a);
}
FRAME void c2(int which)
{
    c3(which);
    asm volatile("");
}
FRAME void c1(int which)
{
    c2(which);
    asm volatile("");
}
}

int main()
{
    for (int which = 0; which < 6; which++)
        c1(which);
    return 0;
}
