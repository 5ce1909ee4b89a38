/* Speaks as a program with GoogleTest does: lists its tests, and runs the one it is asked for. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--gtest_list_tests") == 0)
            puts("Discovered.\n  clean\n  leaks");
        if (strcmp(argv[i], "--gtest_filter=Discovered.leaks") == 0 && dup(STDOUT_FILENO) < 0)
            return 2;
    }
    return 0;
}
