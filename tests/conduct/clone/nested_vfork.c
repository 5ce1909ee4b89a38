// scenario: a vfork child that calls vfork, and one that is killed inside it, leave the parent's record as it was
// image: {"end": "exit"}
// expect: {"rule": "never-released", "family": "eventfd", "count": 51, "acquired": 51, "blame": "main:events"}
// output: 50 children, 50 grandchildren
#define _GNU_SOURCE
#include "must.h"
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int grandchildren;

static int one_round(int fd)
{
    int status = -1;
    pid_t child = vfork();
    if (child == 0) {
        close(fd);
        pid_t grandchild = vfork();
        if (grandchild == 0) {
            close(fd + 1);
            _exit(3);
        }
        if (waitpid(grandchild, &status, 0) != grandchild || WEXITSTATUS(status) != 3)
            _exit(1);
        grandchildren++;
        if (eventfd(0, 0) != fd) /* the child's, as close(fd) was */
            _exit(2);
        _exit(0);
    }
    MUST(waitpid(child, &status, 0) == child);
    return status == 0;
}

/* kill(2) and _exit(2) without use of the stack: after the child's death, its parent uses the stack again. */
static void kill_and_end(pid_t victim)
{
#if defined(__x86_64__)
    __asm__ volatile("syscall\n mov $231, %%eax\n xor %%edi, %%edi\n syscall" ::"a"(62L), "D"((long)victim),
                     "S"((long)SIGKILL)
                     : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = 129, x0 __asm__("x0") = victim, x1 __asm__("x1") = SIGKILL;
    __asm__ volatile("svc 0\n mov x8, #94\n mov x0, #0\n svc 0" : "+r"(x8), "+r"(x0) : "r"(x1) : "memory");
#else
#error "write the system calls of this machine here"
#endif
}

/* The grandchild kills the child, and the parent continues before the child has returned from its own vfork. */
static void child_dies_in_vfork(void)
{
    int status = -1;
    pid_t child = vfork();
    if (child == 0) {
        if (vfork() == 0)
            kill_and_end(getppid());
        _exit(1);
    }
    MUST(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
}

int main(void)
{
    int children = 0;
    for (int i = 0; i < 51; i++) {
        int fd = eventfd(0, 0); /* blame:events */
        MUST(fd >= 0);
        if (i < 50)
            children += one_round(fd);
        else
            child_dies_in_vfork();
    }
    printf("%d children, %d grandchildren\n", children, grandchildren);
    return 0;
}
