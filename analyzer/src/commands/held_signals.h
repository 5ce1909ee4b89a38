// The signals of the launcher: all are blocked, so that none ends it before the report is written.
#pragma once

#include <array>
#include <csignal>
#include <sys/time.h>

namespace unpaired {

/// Returns the set of all signals, with those that the C library keeps for itself.
sigset_t every_signal();

/// Takes one pending signal of `set`, or waits for one. Returns its number, 0 if it does not wait and none is pending,
/// or -1 if the wait was interrupted.
int take_signal(const sigset_t &set, siginfo_t &info, bool wait);

bool is_pending(int signal);

/// Blocks every signal from its construction on. They stay blocked until the process ends: a signal that comes after
/// the program's end has no process to go to, and must not cost the report. Dispositions stay as the caller gave them,
/// except for CHLD: if it were ignored, the kernel would keep no wait status.
class SignalsHeld {
public:
    SignalsHeld();
    SignalsHeld(const SignalsHeld &) = delete;
    SignalsHeld &operator=(const SignalsHeld &) = delete;

    /// Stops the timers that exec let this process keep (alarm(2)), so that the program can be given them.
    void take_timers();

    /// Gives the calling process the mask, dispositions and timers of the construction. Async-signal-safe: for the
    /// child between fork and exec.
    void put_back() const;

    /// Lets the terminal stop this process again, once the program has ended: that loses nothing.
    void let_stop() const;

    /// Stops this process by `signal` until it is continued, as the signal would have stopped it.
    static void stop_by(int signal);

private:
    sigset_t mask_before_;
    struct sigaction child_before_;
    std::array<struct itimerval, 3> timers_ = {};
};

/// Ends this process as the program ended: by the same signal, without a second core dump, or with `status` (see
/// exit_status_of) where the signal does not kill it, as process 1 of a container.
[[noreturn]] void end_by_signal(int signal, int status);

} // namespace unpaired
