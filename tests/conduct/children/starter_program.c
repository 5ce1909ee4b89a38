/* Starts its arguments by the function that the first one names, and ends as the started program did. */
#define _GNU_SOURCE
#include "must.h"
#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int ends_as(pid_t child)
{
    int status = -1;
    MUST(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void execute(const char *way, char **command)
{
    if (strcmp(way, "execve") == 0)
        execve(command[0], command, environ);
    else if (strcmp(way, "execv") == 0)
        execv(command[0], command);
    else if (strcmp(way, "execvp") == 0)
        execvp(command[0], command);
    else if (strcmp(way, "execvpe") == 0)
        execvpe(command[0], command, environ);
    else if (strcmp(way, "execl") == 0)
        execl(command[0], command[0], command[1], (char *)NULL);
    else if (strcmp(way, "execlp") == 0)
        execlp(command[0], command[0], command[1], (char *)NULL);
    else if (strcmp(way, "execle") == 0)
        execle(command[0], command[0], command[1], (char *)NULL, environ);
    else if (strcmp(way, "fexecve") == 0)
        fexecve(open(command[0], O_RDONLY), command, environ); /* not O_CLOEXEC: the file may be a script */
    else if (strcmp(way, "number") == 0)
        syscall(SYS_execve, command[0], command, environ);
    else if (strcmp(way, "execveat") == 0)
        execveat(AT_FDCWD, command[0], command, environ, 0);
}

int main(int argc, char **argv)
{
    static const char *const in_child[] = {"execve", "execv",  "execvp",  "execvpe",  "execl",
                                           "execlp", "execle", "fexecve", "execveat", "number"};
    char **command = argv + 2;
    pid_t child = -1;
    MUST(argc > 2);
    if (strcmp(argv[1], "replace") == 0) {
        execv(command[0], command);
        return 97;
    }
    if (strcmp(argv[1], "system") == 0) {
        int status = system(command[0]);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 96;
    }
    if (strcmp(argv[1], "posix_spawn") == 0) {
        MUST(posix_spawn(&child, command[0], NULL, NULL, command, environ) == 0);
        return ends_as(child);
    }
    if (strcmp(argv[1], "posix_spawnp") == 0) {
        MUST(posix_spawnp(&child, command[0], NULL, NULL, command, environ) == 0);
        return ends_as(child);
    }
    if (strcmp(argv[1], "vfork") == 0) {
        child = vfork();
        if (child == 0) {
            execve(command[0], command, environ);
            _exit(98);
        }
        return ends_as(child);
    }
    for (size_t i = 0; i < sizeof in_child / sizeof *in_child; i++)
        if (strcmp(argv[1], in_child[i]) == 0) {
            child = fork();
            if (child == 0) {
                execute(argv[1], command);
                _exit(98);
            }
            return ends_as(child);
        }
    return 95;
}
