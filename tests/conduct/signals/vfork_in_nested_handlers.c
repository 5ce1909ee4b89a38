// scenario: vfork returns in signal handlers that interrupt the recorder in each other
// image: {"events_lost": 0}
#include "storm.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { signals = 4, runs_of_each = 100, child_status = 3 };

static volatile sig_atomic_t runs[signals];

static void handle(int signal)
{
    const int kept = errno;
    volatile sig_atomic_t *own = &runs[signal - SIGRTMIN];
    if (*own == runs_of_each)
        return;
    ++*own;
    for (int i = 0; i < 8; i++)
        close(dup(STDERR_FILENO)); // where the next handler interrupts
    const pid_t child = vfork();
    if (child == 0)
        _exit(child_status);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != child_status)
        abort();
    errno = kept;
}

static int all_ran(void)
{
    for (int i = 0; i < signals; i++)
        if (runs[i] < runs_of_each)
            return 0;
    return 1;
}

int main(void)
{
    for (int i = 0; i < signals; i++)
        storm_begin(SIGRTMIN + i, handle, 0);
    while (!all_ran())
        close(dup(STDERR_FILENO));
    return 0;
}
