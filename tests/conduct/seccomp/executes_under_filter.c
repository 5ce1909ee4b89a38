// scenario: a program that is executed under a filter that kills for the recorder's calls runs as it would alone
// image: {"end": "exit"}
// remark: it started a program without the recorder in its environment: not recorded
// expect: {"rule": "never-released", "family": "heap", "severity": "leak", "count": 1, "blame": "main:lost"}
// image: {}
// image: {}
// remark: the program filters its system calls
// output: runs
// output: runs by vfork
// output: runs by system
#define _GNU_SOURCE
#include "filter.h"
#include <sys/wait.h>

/* Allows only the dynamic loader's calls. */
static const int calls_of_loader[] = {SYS_read,       SYS_pread64,         SYS_access, SYS_arch_prctl,
                                      SYS_prlimit64,  SYS_set_tid_address, SYS_rseq,   SYS_getrandom,
                                      SYS_faccessat2, SYS_mprotect,        SYS_getpid, SYS_getppid,
                                      SYS_getuid,     SYS_geteuid,         SYS_getgid, SYS_getegid};
enum { n_loader = sizeof calls_of_loader / sizeof *calls_of_loader };

static void filter_for_loader(void)
{
    static struct sock_filter rules[256];
    struct sock_fprog program = {0, rules};
    unsigned n = 0;
    rules[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < n_listed + n_loader; i++) {
        const int call = i < n_listed ? listed_calls[i] : calls_of_loader[i - n_listed];
        rules[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1);
        rules[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    rules[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    program.len = (unsigned short)n;
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

int main(int argc, char **argv)
{
    int status;
    if (argc > 1) {
        MUST(write(1, argv[1], strlen(argv[1])) > 0);
        return 0;
    }
    pid_t child = fork();
    if (child == 0) {
        char *const command[] = {argv[0], "runs\n", NULL};
        filter_for_loader();
        execv(argv[0], command);
        _exit(1);
    }
    MUST(waitpid(child, &status, 0) == child && status == 0);
    child = vfork();
    if (child == 0) {
        char *const command[] = {argv[0], "runs by vfork\n", NULL};
        filter_for_loader();
        execv(argv[0], command);
        _exit(1);
    }
    MUST(waitpid(child, &status, 0) == child && status == 0);
    child = fork();
    if (child == 0) {
        filter_for_loader();
        status = system("echo runs by system");
        _exit(status);
    }
    MUST(waitpid(child, &status, 0) == child && status == 0);
    MUST(malloc(10) != NULL); /* blame:lost */
    return 0;
}
