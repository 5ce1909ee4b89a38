#include "commands/held_signals.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace unpaired {
namespace {

/// The kernel's sigset_t is shorter than the C library's. The library's functions leave out signals 32 and 33.
constexpr size_t kernel_set_bytes = _NSIG / 8;
constexpr std::array<__itimer_which_t, 3> timer_kinds = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};

void change_mask(int how, const sigset_t &set, sigset_t *before)
{
    syscall(SYS_rt_sigprocmask, how, &set, before, kernel_set_bytes);
}

sigset_t only(int signal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    return set;
}

} // namespace

sigset_t every_signal()
{
    sigset_t set;
    std::memset(&set, 0xff, sizeof set);
    return set;
}

int take_signal(const sigset_t &set, siginfo_t &info, bool wait)
{
    const std::array<long long, 2> no_time = {}; // a timespec of any width
    const long taken =
        syscall(SYS_rt_sigtimedwait, &set, &info, wait ? nullptr : no_time.data(), kernel_set_bytes);
    if (taken > 0)
        return static_cast<int>(taken);
    return wait ? -1 : 0;
}

bool is_pending(int signal)
{
    sigset_t pending;
    sigemptyset(&pending);
    syscall(SYS_rt_sigpending, &pending, kernel_set_bytes);
    return sigismember(&pending, signal) == 1;
}

SignalsHeld::SignalsHeld()
{
    sigemptyset(&mask_before_);
    change_mask(SIG_SETMASK, every_signal(), &mask_before_);
    struct sigaction action = {};
    action.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &action, &child_before_);
}

void SignalsHeld::take_timers()
{
    const struct itimerval none = {};
    for (size_t i = 0; i < timer_kinds.size(); i++)
        setitimer(timer_kinds.at(i), &none, &timers_.at(i));
}

void SignalsHeld::put_back() const
{
    for (size_t i = 0; i < timer_kinds.size(); i++)
        setitimer(timer_kinds[i], &timers_[i], nullptr);
    sigaction(SIGCHLD, &child_before_, nullptr);
    change_mask(SIG_SETMASK, mask_before_, nullptr);
}

void SignalsHeld::let_stop() const
{
    if (sigismember(&mask_before_, SIGTSTP) == 0)
        change_mask(SIG_UNBLOCK, only(SIGTSTP), nullptr);
}

void SignalsHeld::stop_by(int signal)
{
    struct sigaction standard = {}, before = {};
    standard.sa_handler = SIG_DFL;
    sigaction(signal, &standard, &before); // fails for STOP, whose disposition cannot change
    raise(signal);
    change_mask(SIG_UNBLOCK, only(signal), nullptr); // stops here until CONT
    change_mask(SIG_BLOCK, only(signal), nullptr);
    sigaction(signal, &before, nullptr);
}

void end_by_signal(int signal, int status)
{
    std::fflush(nullptr);
    prctl(PR_SET_DUMPABLE, 0); // the program has already written its core dump
    struct sigaction standard = {};
    standard.sa_handler = SIG_DFL;
    sigaction(signal, &standard, nullptr);
    raise(signal);
    change_mask(SIG_UNBLOCK, only(signal), nullptr);
    std::_Exit(status);
}

} // namespace unpaired
