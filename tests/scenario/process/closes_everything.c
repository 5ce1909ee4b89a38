// scenario: a daemon that closes every descriptor, changes its root and its user goes on being recorded
// expect: {"rule": "never-released", "family": "eventfd", "function": "eventfd", "count": 2, "blame": "after:after"}
// expect: {"rule": "never-released", "severity": "suspect", "family": "heap", "function": "malloc", "count": 2, "bytes": 24, "blame": "after:block"}
// native: same
#define _GNU_SOURCE
#include "must.h"

#include <grp.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void *volatile last;

FRAME static void after(void)
{
    MUST(eventfd(0, 0) >= 0); /* blame:after */
    last = malloc(12);        /* blame:block */
}

int main(void)
{
    int i;
    closefrom(3);
    MUST(chdir("/") == 0);
    if (geteuid() == 0) { /* what follows is root's to do */
        MUST(chroot("/var/empty") == 0 || chroot("/var/tmp") == 0 || chroot("/tmp") == 0);
        MUST(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
    }
    for (i = 0; i < 2; i++)
        after();
    return 0;
}
