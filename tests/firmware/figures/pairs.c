/* Instructions of a pair of malloc and free, in hundredths, on the console; QEMU counts one per nanosecond. */
#include "board.h"

#include <stdlib.h>

#ifndef LIVE
#define LIVE 30
#endif
enum { PAIRS = 1000, INSTRUCTIONS_PER_TICK = 40 };
#define SYSTICK ((volatile uint32_t *)0xe000e010u)

static void *(*volatile plain)(size_t) = malloc;

/* Thirty call sites. */
#define SITE(n) \
    FRAME static void site_##n(void) { plain(16); }
#define TEN(X, d) X(d##0) X(d##1) X(d##2) X(d##3) X(d##4) X(d##5) X(d##6) X(d##7) X(d##8) X(d##9)
#define THIRTY(X) TEN(X, 1) TEN(X, 2) TEN(X, 3)
THIRTY(SITE)
#define ENTRY(n) site_##n,
static void (*const sites[])(void) = {THIRTY(ENTRY)};

static volatile uint32_t measured;

FRAME static void measure(void)
{
    uint32_t begin;
    int i;
    SYSTICK[1] = 0xffffffu;
    SYSTICK[2] = 0;
    SYSTICK[0] = 5;
    while ((begin = SYSTICK[2]) == 0) { /* it has not begun to count down */
    }
    for (i = 0; i < PAIRS; i++)
        free(plain(24));
    measured = begin - SYSTICK[2];
}

#define FRAME_OF(name, inner)    \
    FRAME static void name(void) \
    {                            \
        volatile char local[20]; \
        local[0] = 1;            \
        inner();                 \
        local[1] = local[0];     \
    }
FRAME_OF(f9, measure)
FRAME_OF(f8, f9)
FRAME_OF(f7, f8)
FRAME_OF(f6, f7)
FRAME_OF(f5, f6)
FRAME_OF(f4, f5)
FRAME_OF(f3, f4)
FRAME_OF(f2, f3)
FRAME_OF(f1, f2)

int main(void)
{
    int i;
    for (i = 0; i < LIVE; i++)
        sites[i % 30]();
    f1(); /* the measured site is known from here on */
    f1();
    board_tell("instructions_x100", measured * (INSTRUCTIONS_PER_TICK * 100u / PAIRS));
    return 0;
}
