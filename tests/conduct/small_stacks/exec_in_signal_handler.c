// scenario: a handler on a stack of 8 KiB replaces the program, with hundreds of descriptors open
// status: 6
#include "must.h"
#include "small_stack.h"

#include <fcntl.h>
#include <unistd.h>

static void restart(void)
{
    char command[1500]; /* room that such a handler needs itself */
    snprintf(command, sizeof command, "exit %d", 6);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(99);
}

int main(void)
{
    MUST(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
    MUST(fcntl(1, F_DUPFD_CLOEXEC, 1000) >= 0);
    on_alternate_stack(restart);
    return 0;
}
