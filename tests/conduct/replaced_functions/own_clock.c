// scenario: a program whose own clock_gettime runs 100 times as fast is judged by the kernel's clock
// link: -rdynamic
// image: {"cycles": 40, "events_lost": 0}
// expect: {"rule": "never-released", "family": "socket", "blame": "work:socket", "count": 40, "severity": "leak"}
// expect: {"rule": "never-released", "family": "heap", "blame": "work:block", "count": 40, "severity": "leak"}
//
// Simulators and libfaketime replace the clock like this.
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    const long result = syscall(SYS_clock_gettime, clock, now);
    const long long ns = (now->tv_sec * 1000000000LL + now->tv_nsec) * 100;
    now->tv_sec = ns / 1000000000;
    now->tv_nsec = ns % 1000000000;
    return (int)result;
}

__attribute__((noinline)) static void work(void)
{
    volatile char *block = malloc(10); // blame:block
    block[0] = 1;
    if (socket(AF_INET, SOCK_STREAM, 0) < 0) // blame:socket
        abort();
}

int main(void)
{
    for (int i = 0; i < 40; i++) {
        work();
        usleep(30000); // the analyzer judges growth over time
    }
    return 0;
}
