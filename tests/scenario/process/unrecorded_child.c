// scenario: a child started with an empty environment runs unrecorded, and the report says so
// image: {"end": "exit"}
// image: {"end": "exec"}
// remark: (?i)not recorded|unrecorded
// output: child ran
#include "must.h"

#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int status;
    if (argc > 1) {
        puts("child ran");
        return 0;
    }
    pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
        char *const command[] = {argv[0], "again", NULL}, *const nothing[] = {NULL};
        execve(argv[0], command, nothing);
        _exit(97);
    }
    MUST(waitpid(child, &status, 0) == child && status == 0);
    return 0;
}
