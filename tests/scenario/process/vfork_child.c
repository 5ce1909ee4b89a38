// scenario: what a vfork child closes and opens before its exec is no change to the parent's record
// image: {"end": "exit"}
// expect: {"rule": "never-released", "family": "socket", "count": 1, "acquired": 1, "blame": "main:socket"}
// output: parent still has it
#include "must.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char *const command[] = {argv[0], "child", NULL};
    int fd, status;
    if (argc > 1)
        return 5;
    fd = socket(AF_INET, SOCK_STREAM, 0); /* blame:socket */
    MUST(fd >= 0);
    pid_t child = vfork();
    if (child == 0) {
        close(fd);
        if (open("/dev/null", O_RDONLY) != fd)
            _exit(98);
        execv(argv[0], command);
        _exit(97);
    }
    MUST(waitpid(child, &status, 0) == child);
    MUST(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    if (fcntl(fd, F_GETFD) >= 0)
        puts("parent still has it");
    return 0;
}
