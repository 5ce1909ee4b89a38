/* Leaks N blocks (argument), each from a call path of its own, as a browser does in an hour. The second
 * argument is the number of times that each path is used. */
#include <stdlib.h>

static void *one(unsigned long path, int depth);
static void *two(unsigned long path, int depth);

#define BODY                                                         \
    {                                                                \
        void *block = depth == 0        ? malloc(16)                 \
                      : (path & 1) != 0 ? two(path >> 1, depth - 1)  \
                                        : one(path >> 1, depth - 1); \
        __asm__ volatile("" : "+r"(block));                          \
        return block;                                                \
    }
__attribute__((noinline)) static void *one(unsigned long path, int depth) BODY
    __attribute__((noinline)) static void *two(unsigned long path, int depth) BODY

    int main(int argc, char **argv)
{
    const long paths = argc > 1 ? atol(argv[1]) : 1000, times = argc > 2 ? atol(argv[2]) : 1;
    for (long i = 0; i < paths; i++)
        for (long n = 0; n < times; n++)
            one((unsigned long)i, 18);
    return 0;
}
