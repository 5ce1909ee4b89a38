/* For scenario programs: what has to succeed for the scenario to mean anything. */
#ifndef UNPAIRED_SCENARIO_MUST_H
#define UNPAIRED_SCENARIO_MUST_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program with status 99, saying where and why, unless the condition holds. */
#define MUST(condition) \
    ((condition)        \
         ? (void)0      \
         : (fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, strerror(errno)), _Exit(99)))

/* Keeps a function's frame on the stack of whatever it calls. */
#if defined(__clang__)
#define FRAME __attribute__((noinline))
#else
#define FRAME __attribute__((noipa))
#endif

#endif
