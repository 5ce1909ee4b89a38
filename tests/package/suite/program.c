/* What the tests of the suite run: program WHAT STATUS. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((noinline)) static int connect_to_broker(void) { return dup(STDOUT_FILENO); }

__attribute__((noinline)) static int connect_again(void) { return dup(STDOUT_FILENO); }

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    if (strcmp(argv[1], "clean") != 0)
        for (int i = 0; i < 3; i++)
            if (connect_to_broker() < 0)
                return 2;
    if (strcmp(argv[1], "leak_more") == 0 && connect_again() < 0)
        return 2;
    if (strcmp(argv[1], "crash") == 0)
        abort();
    return atoi(argv[2]);
}
