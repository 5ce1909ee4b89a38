// scenario: what runs after a search that had no descriptors finds all descriptors, locks, limits and signals as they were
// plugin: leaves_nothing_plugin.c
// link: -rdynamic
// before: leaves_nothing_plugin
// status: 5
// expect: {"severity": "leak", "count": 3, "reachability": "lost", "blame": "lose:lost"}
// expect: {"family": "file", "function": "open"}
// expect: {"family": "file", "function": "mkstemp"}
// output: locks 1
#include "must.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

FRAME static void lose(void)
{
    char *block = malloc(100); /* blame:lost */
    MUST(block != NULL);
    block[0] = 1;
}

int main(void)
{
    const struct rlimit limit = {32, 32};
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char name[] = "/tmp/unpaired_locked_XXXXXX";
    sigset_t blocked;
    const int locked = mkstemp(name);
    MUST(locked >= 0 && unlink(name) == 0 && fcntl(locked, F_SETLK, &lock) == 0);
    MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    while (open("/dev/null", O_RDONLY) >= 0)
        ;
    MUST(errno == EMFILE);
    MUST(sigemptyset(&blocked) == 0 && sigaddset(&blocked, SIGUSR2) == 0);
    MUST(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);
    for (int i = 0; i < 3; i++)
        lose();
    errno = 77;
    return 5;
}
