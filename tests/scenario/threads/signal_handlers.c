// scenario: a signal handler that opens and closes is recorded, and harms nothing it interrupts
// expect: {"rule": "never-released", "family": "file", "function": "open", "count": 1, "blame": "handler:leak"}
// output: undisturbed
#include "must.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t calls;

static void handler(int signal)
{
    int before = errno;
    if (signal == SIGUSR1) {
        open("/dev/null", O_RDONLY); /* blame:leak */
    } else {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
            close(fd);
        calls++;
    }
    errno = before;
}

int main(void)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
    unsigned long i;
    MUST(sigaction(SIGUSR1, &action, NULL) == 0 && sigaction(SIGALRM, &action, NULL) == 0);
    raise(SIGUSR1);
    MUST(setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (i = 0; calls < 200; i++) {
        void *block = malloc(16 + i % 200);
        int fd = dup(0);
        errno = 77;
        free(block);
        close(fd);
        MUST(errno == 77);
    }
    MUST(setitimer(ITIMER_REAL, &never, NULL) == 0);
    puts("undisturbed");
    return 0;
}
