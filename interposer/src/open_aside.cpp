#include "open_aside.h"

#include "libc.h"

#include <cerrno>
#include <climits>
#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

namespace unpaired {
namespace {

constexpr size_t stack_bytes = 256 * 1024, guard = 4096;
constexpr unsigned most_open_at_once = 4; // by us, in a table of our own

struct Work {
    void (*function)(void *argument);
    void *argument;
};

void close_all()
{
    if (sys::call(SYS_close_range, 0, UINT_MAX, 0) == 0)
        return;
    for (unsigned fd = 0; fd < most_open_at_once; fd++) // Linux before 5.9
        sys::call(SYS_close, fd);
}

int in_thread(void *argument)
{
    const Work &work = *static_cast<Work *>(argument);
    close_all();
    work.function(work.argument);
    return 0;
}

} // namespace

long open_aside(const char *path)
{
    rlimit64 files{}, more{};
    const bool limited = sys::call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, sys::of(&files)) == 0;
    const auto open = [path] { return sys::call(SYS_openat, AT_FDCWD, sys::of(path), O_RDONLY | O_CLOEXEC); };
    long fd = open();
    if (fd == -EMFILE && limited && files.rlim_cur < files.rlim_max) {
        // a program that leaked all of its descriptors is what this library is for
        more = {files.rlim_cur + 16 < files.rlim_max ? files.rlim_cur + 16 : files.rlim_max, files.rlim_max};
        if (sys::call(SYS_prlimit64, 0, RLIMIT_NOFILE, sys::of(&more), 0) == 0) {
            fd = open();
            sys::call(SYS_prlimit64, 0, RLIMIT_NOFILE, sys::of(&files), 0);
        }
        return fd;
    }
    if (fd < 0 || !limited || files.rlim_cur < 64)
        return fd;
    const uint64_t high = files.rlim_cur < 65536 ? files.rlim_cur : 65536;
    const long aside = sys::call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, static_cast<long>(high - 16));
    if (aside < 0)
        return fd;
    sys::call(SYS_close, fd);
    return aside;
}

// A thread, because nothing else goes unnoticed: a child process would be there to be waited for, would count among
// the user's processes, and may not look at its parent where ptrace is restricted (Yama); a descriptor that we closed
// in the program's own table to have room would be gone for its other threads, with its POSIX locks. Not CLONE_FILES,
// so the table is a copy: closing it all closes no file, releases no lock (they belong to the table they were taken
// in), and keeps none of the program's files open.
// CLONE_VFORK: the caller stands still in the kernel meanwhile, so that the thread may use its errno and its
// thread-local storage, and the caller's stack stays as it is. All signals are blocked, and the new thread inherits
// that: no handler of the program runs in a thread it does not know. A signal to the process goes to another thread
// or waits until the call is over. The C library has no record of the thread, and is not called in it.
bool DescriptorsOfItsOwn::call(void (*work)(void *argument), void *argument)
{
    if (!stack_.resize(stack_bytes) || sys::call(SYS_mprotect, sys::of(stack_.data()), guard, PROT_NONE) != 0)
        return false;
    Work both{work, argument};
    uint64_t all = ~uint64_t{0}, before = 0;
    constexpr long kernels_set = sizeof all; // rt_sigprocmask(2)
    if (sys::call(SYS_rt_sigprocmask, SIG_SETMASK, sys::of(&all), sys::of(&before), kernels_set) != 0)
        return false;
    const int made = libc::functions().clone(
        in_thread, stack_.end(),
        CLONE_VM | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_VFORK, &both);
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, sys::of(&before), 0, kernels_set);
    return made > 0;
}

} // namespace unpaired
