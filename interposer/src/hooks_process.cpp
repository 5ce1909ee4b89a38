// What becomes of the process: vfork, exec and spawn, the ends that run no destructors, and how children ended.
#include "hook.h"

#include "anomalies.h"
#include "exec_target.h"
#include "hooks_process.h"
#include "mapping.h"
#include "program_memory.h"

#include <alloca.h>
#include <cstdarg>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace unpaired;

namespace {

void record_exec(long pid, const char *program, bool recorded)
{
    size_t length = length_of_text(program, 4096);
    if (sys::sealed()) { // no system call can check whether the text is readable
        program = "a program";
        length = strlen(program);
    }
    unpaired_record_exec record{};
    record.image = own_image();
    record.flags = recorded ? 0 : UNPAIRED_EXEC_UNRECORDED;
    record.pid = static_cast<uint32_t>(pid > 0 ? pid : 0);
    record.time_ms = now_ms();
    record.text_len = static_cast<uint16_t>(length);
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

struct Exec {
    bool own = false;         ///< the recorded process becomes another program; reset if exec fails
    bool recorded = true;     ///< the new program is recorded
    char *const *environment; ///< for the new program
};

/// Chooses the environment for a new program. A program that cannot load this library gets an LD_PRELOAD without it.
void choose_environment(Exec &exec, Thread &thread, const ExecTarget &target)
{
    exec.recorded = has_recorder(exec.environment);
    if (!exec.recorded || can_load_recorder(target))
        return;
    exec.recorded = false;
    if (char *const *without = without_recorder(thread, exec.environment); without != nullptr)
        exec.environment = without;
}

/// Prepares for an exec of `target`, and records it under the name `program`.
Exec before_exec(const Caller &caller, const char *program, const ExecTarget &target,
                 char *const *environment)
{
    Exec exec;
    exec.environment = environment;
    Thread *thread = enter(caller.sp);
    if (thread == nullptr || program == nullptr)
        return exec;
    const KeepErrno keep;
    const Busy busy(*thread, caller.sp);
    choose_environment(exec, *thread, target);
    const bool other = is_other_process(*thread);
    // A forked child that only execs has nothing of its own to report, unless the new program goes unrecorded.
    if (!process.forked || process.announced || !exec.recorded)
        record_exec(other ? sys::getpid() : process.pid, program, exec.recorded);
    if (other)
        return exec;
    record_inherited_descriptors(*thread, caller);
    record_end(Ending::exec, -1, program);
    exec.own = true;
    return exec;
}

void after_failed_exec(const Exec &exec)
{
    if (!exec.own || (process.forked && !process.announced))
        return;
    const KeepErrno keep;
    unpaired_record_end record{};
    record.image = own_image();
    record.kind = UNPAIRED_END_EXEC_FAILED;
    record.status = keep.value();
    record.time_ms = now_ms();
    append(UNPAIRED_RECORD_END, record);
}

/// A child that a signal ended cannot have said so itself. The others have.
void child_ended(int pid, int status)
{
    if (pid <= 0 || !WIFSIGNALED(status) || !is_recording())
        return;
    const Thread *thread = enter(stack_pointer());
    if (thread == nullptr || in_other_process(*thread))
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

namespace unpaired {

void before_exit(uint64_t sp, int status)
{
    const Thread *thread = enter(sp);
    if (thread == nullptr || is_other_process(*thread))
        return;
    const KeepErrno keep;
    record_end(Ending::exit, status & 0xff, nullptr);
}

} // namespace unpaired

#define UNPAIRED_EXEC(function, program, target, environment, call)                 \
    const Caller caller = UNPAIRED_CALLER();                                        \
    const Exec exec = before_exec(caller, program, ExecTarget target, environment); \
    const int ret = UNPAIRED_REAL(function) call;                                   \
    after_failed_exec(exec);                                                        \
    return ret;

UNPAIRED_HOOK(int, execve, (const char *path, char *const *arguments, char *const *environment))
{
    UNPAIRED_EXEC(execve, path, ({AT_FDCWD, path}), environment, (path, arguments, exec.environment))
}

int unpaired::execute(const Caller &caller, const char *path, char *const *arguments,
                      char *const *environment)
{
    const Exec exec = before_exec(caller, path, {AT_FDCWD, path}, environment);
    const int ret = UNPAIRED_REAL(execve)(path, arguments, exec.environment);
    after_failed_exec(exec);
    return ret;
}

// Functions that pass the process's environment on call their real function, unless the recorder has replaced the
// environment.
#define UNPAIRED_EXEC_AS_IS(as_is, with_environment, path, searches)                          \
    const Caller caller = UNPAIRED_CALLER();                                                  \
    const Exec exec = before_exec(caller, path, {AT_FDCWD, path, searches}, environ);         \
    const int ret = exec.environment == environ                                               \
                        ? UNPAIRED_REAL(as_is)(path, arguments)                               \
                        : UNPAIRED_REAL(with_environment)(path, arguments, exec.environment); \
    after_failed_exec(exec);                                                                  \
    return ret;

UNPAIRED_HOOK(int, execvpe, (const char *file, char *const *arguments, char *const *environment)){
    UNPAIRED_EXEC(execvpe, file, ({AT_FDCWD, file, true}), environment, (file, arguments, exec.environment))}

UNPAIRED_HOOK(int, execv,
              (const char *path, char *const *arguments)){UNPAIRED_EXEC_AS_IS(execv, execve, path, false)}

UNPAIRED_HOOK(int, execvp,
              (const char *file, char *const *arguments)){UNPAIRED_EXEC_AS_IS(execvp, execvpe, file, true)}

UNPAIRED_HOOK(int, fexecve, (int fd, char *const *arguments, char *const *environment)){
    UNPAIRED_EXEC(fexecve, "(a descriptor)", ({fd, nullptr}), environment, (fd, arguments, exec.environment))}

UNPAIRED_HOOK(int, execveat,
              (int dir, const char *path, char *const *arguments, char *const *environment, int flags))
{
    const bool of_descriptor =
        (flags & AT_EMPTY_PATH) != 0 && path != nullptr && length_of_text(path, 1) == 0;
    UNPAIRED_EXEC(execveat, path, ({dir, of_descriptor ? nullptr : path}), environment,
                  (dir, path, arguments, exec.environment, flags))
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
    UNPAIRED_COLLECT_ARGUMENTS(first)
    va_end(list);
    UNPAIRED_EXEC_AS_IS(execv, execve, path, false)
}

UNPAIRED_HOOK(int, execlp, (const char *file, const char *first, ...))
{
    UNPAIRED_COLLECT_ARGUMENTS(first)
    va_end(list);
    UNPAIRED_EXEC_AS_IS(execvp, execvpe, file, true)
}

UNPAIRED_HOOK(int, execle, (const char *path, const char *first, ...))
{
    UNPAIRED_COLLECT_ARGUMENTS(first)
    char *const *environment = va_arg(list, char *const *);
    va_end(list);
    UNPAIRED_EXEC(execve, path, ({AT_FDCWD, path}), environment, (path, arguments, exec.environment))
}

#define UNPAIRED_SPAWN(function, search)                                                                  \
    UNPAIRED_HOOK(int, function,                                                                          \
                  (pid_t * pid, const char *path, const void *actions, const void *attributes,            \
                   char *const *arguments, char *const *environment))                                     \
    {                                                                                                     \
        const Caller caller = UNPAIRED_CALLER();                                                          \
        pid_t child = 0;                                                                                  \
        Exec exec;                                                                                        \
        exec.environment = environment;                                                                   \
        if (Thread *thread = enter(caller.sp); thread != nullptr && path != nullptr) {                    \
            const KeepErrno keep;                                                                         \
            const Busy busy(*thread, caller.sp);                                                          \
            choose_environment(exec, *thread, {AT_FDCWD, path, search});                                  \
        }                                                                                                 \
        const int ret = UNPAIRED_REAL(function)(pid != nullptr ? pid : &child, path, actions, attributes, \
                                                arguments, exec.environment);                             \
        if (ret == 0 && !exec.recorded)                                                                   \
            if (Thread *thread = enter(caller.sp)) {                                                      \
                const KeepErrno keep;                                                                     \
                const Busy busy(*thread, caller.sp);                                                      \
                record_exec(pid != nullptr ? *pid : child, path, false);                                  \
            }                                                                                             \
        return ret;                                                                                       \
    }
UNPAIRED_SPAWN(posix_spawn, false)
UNPAIRED_SPAWN(posix_spawnp, true)

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
    if (ret > 0)
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
