// What becomes of the process: vfork, exec and spawn, the ends that run no destructors, and how children ended.
#include "hook.h"

#include "anomalies.h"
#include "mapping.h"

#include <alloca.h>
#include <cstdarg>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace unpaired;

// vfork returns twice on one stack frame, so no C++ function may stand between the caller and the real one: note
// that it happens, then jump.
extern "C" __attribute__((used, visibility("hidden"))) void *unpaired_before_vfork()
{
    if (Thread *thread = enter(stack_pointer()))
        thread->vfork_pending = true;
    return real::address(UNPAIRED_FUNCTION_vfork);
}
#if defined(__x86_64__)
__asm__(".text\n.globl vfork\n.type vfork,@function\nvfork:\n"
        ".cfi_startproc\n"
        "subq $8, %rsp\n.cfi_adjust_cfa_offset 8\n"
        "call unpaired_before_vfork\n"
        "addq $8, %rsp\n.cfi_adjust_cfa_offset -8\n"
        "jmp *%rax\n"
        ".cfi_endproc\n.size vfork,.-vfork\n");
#elif defined(__aarch64__)
__asm__(".text\n.globl vfork\n.type vfork,%function\nvfork:\n"
        ".cfi_startproc\n"
        "stp x29, x30, [sp, #-16]!\n.cfi_adjust_cfa_offset 16\n.cfi_rel_offset x30, 8\n"
        "bl unpaired_before_vfork\n"
        "mov x16, x0\n"
        "ldp x29, x30, [sp], #16\n.cfi_adjust_cfa_offset -16\n.cfi_restore x30\n"
        "br x16\n"
        ".cfi_endproc\n.size vfork,.-vfork\n");
#endif

namespace {

bool records(char *const *environment)
{
    bool preloads = false, output = false;
    for (; environment != nullptr && *environment != nullptr; environment++) {
        preloads = preloads || (strncmp(*environment, "LD_PRELOAD=", 11) == 0 &&
                                strstr(*environment, "libunpaired_preload") != nullptr);
        output = output || strncmp(*environment, "UNPAIRED_OUTPUT=", 16) == 0;
    }
    return preloads && output;
}

void record_exec(uint32_t pid, const char *program, char *const *environment)
{
    unpaired_record_exec record{};
    record.image = own_image();
    record.flags = records(environment) ? 0 : UNPAIRED_EXEC_UNRECORDED;
    record.pid = pid;
    record.time_ms = now_ms();
    record.text_len = static_cast<uint16_t>(strnlen(program, 4096));
    append(UNPAIRED_RECORD_EXEC, record, {program, record.text_len});
}

/// Descriptors of ours that the new program inherits, because nobody set CLOEXEC.
void record_inherited_descriptors(Thread &thread, const Caller &caller)
{
    uint32_t site = 0;
    any_slot([&](unpaired_slot &slot) {
        if (slot.space != UNPAIRED_SPACE_fd || !live(slot) || slot.handle <= 2)
            return false;
        const long flags = sys::call(SYS_fcntl, static_cast<long>(slot.handle), F_GETFD);
        if (flags < 0 || (flags & FD_CLOEXEC) != 0)
            return false;
        if (site == 0)
            site = site_here(thread, UNPAIRED_FUNCTION_execve, UNPAIRED_FAMILY_NONE, caller);
        Anomaly anomaly{UNPAIRED_ANOMALY_EXEC_INHERITED, UNPAIRED_SPACE_fd, UNPAIRED_FUNCTION_execve};
        anomaly.acquire_site = slot.site;
        anomaly.release_site = site;
        anomaly.handle = slot.handle;
        record_anomaly(anomaly);
        return false;
    });
}

/// Before an exec. Returns whether this is the image's own, to be taken back if exec fails.
bool before_exec(const Caller &caller, const char *program, char *const *environment)
{
    Thread *thread = enter(caller.sp);
    if (thread == nullptr || program == nullptr)
        return false;
    const KeepErrno keep;
    const Busy busy(*thread, caller.sp);
    const int pid = sys::getpid();
    // A forked child that only execs has nothing of its own to report, unless the new program goes unrecorded.
    if (!process.forked || process.announced || !records(environment))
        record_exec(static_cast<uint32_t>(pid), program, environment);
    if (in_vfork_child(*thread))
        return false;
    record_inherited_descriptors(*thread, caller);
    record_end(Ending::exec, -1, program);
    return true;
}

void after_failed_exec(bool own)
{
    if (!own || (process.forked && !process.announced))
        return;
    const KeepErrno keep;
    unpaired_record_end record{};
    record.image = own_image();
    record.kind = UNPAIRED_END_EXEC_FAILED;
    record.status = errno;
    record.time_ms = now_ms();
    append(UNPAIRED_RECORD_END, record);
}

void before_exit(uint64_t sp, int status)
{
    Thread *thread = enter(sp);
    if (thread == nullptr || in_vfork_child(*thread))
        return;
    const KeepErrno keep;
    record_end(Ending::exit, status & 0xff, nullptr);
}

/// A child that a signal ended cannot have said so itself. The others have.
void child_ended(int pid, int status)
{
    if (pid <= 0 || !WIFSIGNALED(status) || process.phase != Phase::recording)
        return;
    Thread *thread = enter(stack_pointer());
    if (thread == nullptr || in_vfork_child(*thread))
        return;
    const KeepErrno keep;
    unpaired_record_child_end record{};
    record.image = own_image();
    record.pid = static_cast<uint32_t>(pid);
    record.wait_status = status;
    record.time_ms = now_ms();
    append(UNPAIRED_RECORD_CHILD_END, record);
}

} // namespace

UNPAIRED_HOOK(int, execve, (const char *path, char *const *arguments, char *const *environment))
{
    const Caller caller = UNPAIRED_CALLER();
    const bool own = before_exec(caller, path, environment);
    const int ret = UNPAIRED_REAL(execve)(path, arguments, environment);
    after_failed_exec(own);
    return ret;
}

UNPAIRED_HOOK(int, execv, (const char *path, char *const *arguments))
{
    const Caller caller = UNPAIRED_CALLER();
    const bool own = before_exec(caller, path, environ);
    const int ret = UNPAIRED_REAL(execv)(path, arguments);
    after_failed_exec(own);
    return ret;
}

UNPAIRED_HOOK(int, execvp, (const char *file, char *const *arguments))
{
    const Caller caller = UNPAIRED_CALLER();
    const bool own = before_exec(caller, file, environ);
    const int ret = UNPAIRED_REAL(execvp)(file, arguments);
    after_failed_exec(own);
    return ret;
}

UNPAIRED_HOOK(int, execvpe, (const char *file, char *const *arguments, char *const *environment))
{
    const Caller caller = UNPAIRED_CALLER();
    const bool own = before_exec(caller, file, environment);
    const int ret = UNPAIRED_REAL(execvpe)(file, arguments, environment);
    after_failed_exec(own);
    return ret;
}

UNPAIRED_HOOK(int, fexecve, (int fd, char *const *arguments, char *const *environment))
{
    const Caller caller = UNPAIRED_CALLER();
    const bool own = before_exec(caller, "(a descriptor)", environment);
    const int ret = UNPAIRED_REAL(fexecve)(fd, arguments, environment);
    after_failed_exec(own);
    return ret;
}

UNPAIRED_HOOK(int, execveat,
              (int dir, const char *path, char *const *arguments, char *const *environment, int flags))
{
    const Caller caller = UNPAIRED_CALLER();
    const bool own = before_exec(caller, path, environment);
    const int ret = UNPAIRED_REAL(execveat)(dir, path, arguments, environment, flags);
    after_failed_exec(own);
    return ret;
}

// The variadic ones become their vector forms; the vector lies on the stack, as in the C library.
#define UNPAIRED_COLLECT_ARGUMENTS(first)                                      \
    va_list list;                                                              \
    size_t n = 1;                                                              \
    va_start(list, first);                                                     \
    while (va_arg(list, char *) != nullptr)                                    \
        n++;                                                                   \
    va_end(list);                                                              \
    auto **arguments = static_cast<char **>(alloca((n + 1) * sizeof(char *))); \
    arguments[0] = const_cast<char *>(first);                                  \
    va_start(list, first);                                                     \
    for (size_t i = 1; i <= n; i++)                                            \
        arguments[i] = va_arg(list, char *);

UNPAIRED_HOOK(int, execl, (const char *path, const char *first, ...))
{
    const Caller caller = UNPAIRED_CALLER();
    UNPAIRED_COLLECT_ARGUMENTS(first)
    va_end(list);
    const bool own = before_exec(caller, path, environ);
    const int ret = UNPAIRED_REAL(execv)(path, arguments);
    after_failed_exec(own);
    return ret;
}

UNPAIRED_HOOK(int, execlp, (const char *file, const char *first, ...))
{
    const Caller caller = UNPAIRED_CALLER();
    UNPAIRED_COLLECT_ARGUMENTS(first)
    va_end(list);
    const bool own = before_exec(caller, file, environ);
    const int ret = UNPAIRED_REAL(execvp)(file, arguments);
    after_failed_exec(own);
    return ret;
}

UNPAIRED_HOOK(int, execle, (const char *path, const char *first, ...))
{
    const Caller caller = UNPAIRED_CALLER();
    UNPAIRED_COLLECT_ARGUMENTS(first)
    char *const *environment = va_arg(list, char *const *);
    va_end(list);
    const bool own = before_exec(caller, path, environment);
    const int ret = UNPAIRED_REAL(execve)(path, arguments, environment);
    after_failed_exec(own);
    return ret;
}

#define UNPAIRED_SPAWN(function)                                                                          \
    UNPAIRED_HOOK(int, function,                                                                          \
                  (pid_t * pid, const char *path, const void *actions, const void *attributes,            \
                   char *const *arguments, char *const *environment))                                     \
    {                                                                                                     \
        const Caller caller = UNPAIRED_CALLER();                                                          \
        pid_t child = 0;                                                                                  \
        const int ret = UNPAIRED_REAL(function)(pid != nullptr ? pid : &child, path, actions, attributes, \
                                                arguments, environment);                                  \
        if (ret == 0 && !records(environment))                                                            \
            if (Thread *thread = enter(caller.sp)) {                                                      \
                const KeepErrno keep;                                                                     \
                const Busy busy(*thread, caller.sp);                                                      \
                record_exec(static_cast<uint32_t>(pid != nullptr ? *pid : child), path, environment);     \
            }                                                                                             \
        return ret;                                                                                       \
    }
UNPAIRED_SPAWN(posix_spawn)
UNPAIRED_SPAWN(posix_spawnp)

UNPAIRED_HOOK(void, _exit, (int status))
{
    before_exit(stack_pointer(), status);
    UNPAIRED_REAL(_exit)(status);
    __builtin_unreachable();
}

UNPAIRED_HOOK(void, _Exit, (int status))
{
    before_exit(stack_pointer(), status);
    UNPAIRED_REAL(_Exit)(status);
    __builtin_unreachable();
}

UNPAIRED_HOOK(pid_t, wait, (int *status))
{
    int local = 0;
    const pid_t ret = UNPAIRED_REAL(wait)(status != nullptr ? status : &local);
    child_ended(ret, status != nullptr ? *status : local);
    return ret;
}

UNPAIRED_HOOK(pid_t, waitpid, (pid_t pid, int *status, int options))
{
    int local = 0;
    const pid_t ret = UNPAIRED_REAL(waitpid)(pid, status != nullptr ? status : &local, options);
    if (ret > 0)
        child_ended(ret, status != nullptr ? *status : local);
    return ret;
}

UNPAIRED_HOOK(pid_t, wait3, (int *status, int options, rusage *usage))
{
    int local = 0;
    const pid_t ret = UNPAIRED_REAL(wait3)(status != nullptr ? status : &local, options, usage);
    if (ret > 0)
        child_ended(ret, status != nullptr ? *status : local);
    return ret;
}

UNPAIRED_HOOK(pid_t, wait4, (pid_t pid, int *status, int options, rusage *usage))
{
    int local = 0;
    const pid_t ret = UNPAIRED_REAL(wait4)(pid, status != nullptr ? status : &local, options, usage);
    if (ret > 0)
        child_ended(ret, status != nullptr ? *status : local);
    return ret;
}
