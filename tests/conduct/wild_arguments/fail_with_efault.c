// scenario: arguments at addresses that cannot be read or written fail with EFAULT, as they would alone
// output: every call failed with EFAULT
#define _GNU_SOURCE
#include "must.h"
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static void *volatile wild = (void *)8; /* volatile: the compiler would warn about a known value */

static char *pages[8];
static int n_pages;

/* An array or a text that continues past the end of the last mapped page. */
static char *at_end_of_page(size_t size)
{
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(page != MAP_FAILED && munmap(page + 4096, 4096) == 0 && n_pages < 8);
    pages[n_pages++] = page;
    return page + 4096 - size;
}

static void faults(long ret, const char *call)
{
    if (ret == -1 && errno == EFAULT)
        return;
    fprintf(stderr, "%s: %ld, %s\n", call, ret, strerror(errno));
    _Exit(99);
}
#define FAULTS(call) (errno = 0, faults(call, #call))

static pid_t ended_child(void)
{
    pid_t child = fork();
    siginfo_t info;
    if (child == 0) {
        raise(SIGKILL);
        _exit(1);
    }
    MUST(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
    return child;
}

static void wait_for_children(void)
{
    struct rusage usage;
    ended_child();
    FAULTS(wait(wild));
    FAULTS(waitpid(ended_child(), wild, 0));
    ended_child();
    FAULTS(wait3(wild, 0, &usage));
    FAULTS(wait4(ended_child(), wild, 0, &usage));
    FAULTS(wait4(ended_child(), NULL, 0, wild));
    FAULTS(waitpid(ended_child(), (int *)(void *)at_end_of_page(0), 0));
}

static void execute(void)
{
    char program[] = "/bin/true";
    char *const arguments[] = {program, NULL}, *const wild_entry[] = {program, wild, NULL};
    char **unended = (char **)(void *)at_end_of_page(2 * sizeof(char *));
    char *unended_text = at_end_of_page(4);
    unended[0] = unended[1] = program;
    memcpy(unended_text, "/bin", 4);
    FAULTS(execve(program, arguments, wild));
    FAULTS(execve(program, arguments, wild_entry));
    FAULTS(execve(program, arguments, unended));
    FAULTS(execve(program, wild, environ));
    FAULTS(execve(program, wild_entry, environ));
    FAULTS(execve(wild, arguments, environ));
    FAULTS(execve(unended_text, arguments, environ));
    FAULTS(execv(wild, arguments));
    FAULTS(execv(program, wild));
    FAULTS(execl(wild, program, NULL));
    FAULTS(execle(program, program, NULL, wild));
    FAULTS(execveat(AT_FDCWD, program, arguments, wild, 0));
    FAULTS(execveat(AT_FDCWD, wild, arguments, environ, 0));
    FAULTS(syscall(SYS_execve, program, arguments, wild));
    pid_t child = -1;
    MUST(posix_spawn(&child, wild, NULL, NULL, arguments, environ) == EFAULT);
    MUST(posix_spawn(&child, program, NULL, NULL, arguments, wild) == EFAULT);
    MUST(posix_spawn(&child, program, NULL, NULL, arguments, wild_entry) == EFAULT);
    child = vfork();
    if (child == 0) {
        execve(program, arguments, wild);
        _exit(errno == EFAULT ? 0 : 1);
    }
    int status = -1;
    MUST(waitpid(child, &status, 0) == child && status == 0);
}

static void open_descriptors(void)
{
    struct msghdr message = {.msg_iov = wild, .msg_iovlen = 1};
    struct mmsghdr *messages = wild;
    int ends[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && write(ends[1], "x", 1) == 1);
    FAULTS(pipe(wild));
    FAULTS(pipe2(wild, O_CLOEXEC));
    FAULTS(pipe((int *)(void *)at_end_of_page(4)));
    FAULTS(socketpair(AF_UNIX, SOCK_STREAM, 0, wild));
    FAULTS(recvmsg(ends[0], wild, 0));
    FAULTS(recvmsg(ends[0], &message, 0));
    FAULTS(recvmmsg(ends[0], messages, 1, 0, NULL));
    FAULTS(signalfd(-1, wild, 0));
    FAULTS(open(wild, O_RDONLY));
    FAULTS(memfd_create(wild, 0));
    FAULTS(syscall(SYS_pipe2, wild, 0));
    FAULTS(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, wild));
    FAULTS(syscall(SYS_openat, AT_FDCWD, wild, O_RDONLY));
    FAULTS(syscall(SYS_recvmsg, ends[0], wild, 0));
    FAULTS(prctl(PR_SET_NAME, wild));
    MUST(close(ends[0]) == 0 && close(ends[1]) == 0);
}

int main(void)
{
    wait_for_children();
    execute();
    open_descriptors();
    while (n_pages > 0)
        MUST(munmap(pages[--n_pages], 4096) == 0);
    puts("every call failed with EFAULT");
    return 0;
}
