// scenario: where the kernel does not permit to read memory, nothing is known of it, and the report says why
// image: {"end": "exec"}
// image: {"end": "exit"}
// expect: {"rule": "never-released", "severity": "suspect", "count": 3, "reachability": "unknown", "blame": "lose:lost"}
// remark: who still holds .* is not known \(process_vm_readv is not permitted here\)
#include "must.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

FRAME static void lose(void)
{
    char *block = malloc(100); /* blame:lost */
    MUST(block != NULL);
    block[0] = 1;
}

/* As a container's runtime does it: the filter is there before the program. */
static void filter_and_start_again(char **argv)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof rules / sizeof rules[0], rules};
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    execl("/proc/self/exe", argv[0], "again", NULL);
    MUST(!"execl");
}

int main(int argc, char **argv)
{
    if (argc < 2)
        filter_and_start_again(argv);
    for (int i = 0; i < 3; i++)
        lose();
    return 0;
}
