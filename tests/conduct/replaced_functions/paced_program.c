// 40 rounds of 30 ms that leak a block and a socket each, for clocks that libfaketime replaces (run_replaced_functions.py).
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

__attribute__((noinline)) static void work(void)
{
    volatile char *block = malloc(10);
    block[0] = 1;
    if (socket(AF_INET, SOCK_STREAM, 0) < 0)
        abort();
}

int main(void)
{
    const struct timespec pause = {0, 30000000};
    for (int i = 0; i < 40; i++) {
        work();
        syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &pause, NULL);
    }
    return 0;
}
