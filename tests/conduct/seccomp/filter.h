/* Installs a filter that allows the calls that the C library makes for these programs. `otherwise` is its action for all other calls. */
#ifndef UNPAIRED_CONDUCT_FILTER_H
#define UNPAIRED_CONDUCT_FILTER_H

#include "must.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int listed_calls[] = {
    SYS_exit_group, SYS_exit,         SYS_write,          SYS_brk,          SYS_mmap,   SYS_munmap,
    SYS_futex,      SYS_openat,       SYS_close,          SYS_clone3,       SYS_clone,  SYS_set_robust_list,
    SYS_rseq,       SYS_wait4,        SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_execve, SYS_newfstatat,
    SYS_getrandom,  SYS_rt_sigaction,
#ifdef SYS_vfork
    SYS_vfork,
#endif
};
enum { n_listed = sizeof listed_calls / sizeof *listed_calls };

/* Two of the C library's calls are allowed by their arguments: mprotect guards the stack of a thread, and madvise
 * releases it. The recorder makes both, with other arguments. */
enum { populate_write = 23 };

static inline struct sock_fprog *filter_with(unsigned otherwise)
{
    static struct sock_filter rules[2 * n_listed + 12];
    static struct sock_fprog program = {0, rules};
    unsigned n = 0;
    rules[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < n_listed; i++) {
        rules[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)listed_calls[i], 0, 1);
        rules[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    rules[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 1, 0);
    rules[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3);
    rules[n++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]));
    rules[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, populate_write, 1, 0);
    rules[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    rules[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, otherwise);
    program.len = (unsigned short)n;
    return &program;
}

static inline void filter_all_but(unsigned otherwise)
{
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_with(otherwise)) == 0);
}

#endif
