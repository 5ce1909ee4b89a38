// Blocks all signals of the launcher, so that none ends it before the report is written.
#pragma once

#include <array>
#include <csignal>
#include <sys/time.h>

namespace unpaired {

/// Returns the set of all signals, including those that the C library reserves.
sigset_t every_signal();

/// Takes one pending signal of `set`, or waits for one. Returns its number, 0 if it does not wait and none is
/// pending, or -1 if the wait was interrupted.
int take_signal(const sigset_t &set, siginfo_t &info, bool wait);

bool is_pending(int signal);

/// Blocks every signal from its construction until the process ends: a signal that arrives after the program's end
/// has no receiver, and must not prevent the report. Keeps the caller's dispositions except for CHLD: if it were
/// ignored, the kernel would keep no wait status.
class SignalsHeld {
public:
    SignalsHeld();
    SignalsHeld(const SignalsHeld &) = delete;
    SignalsHeld &operator=(const SignalsHeld &) = delete;

    /// Stops the timers that this process has kept across exec (alarm(2)). put_back() starts them in the program.
    void take_timers();

    /// Restores the mask, dispositions and timers of the construction in the calling process. Async-signal-safe: for
    /// the child between fork and exec.
    void put_back() const;

    /// Allows the terminal to stop this process again. For the time after the program's end, when a stop loses
    /// nothing.
    void let_stop() const;

    /// Stops this process until it is continued, as `signal` would have stopped it.
    static void stop_by(int signal);

private:
    sigset_t mask_before_;
    struct sigaction child_before_;
    std::array<struct itimerval, 3> timers_ = {};
};

/// Ends this process by the signal that ended the program, without a second core dump. Exits with `status` (see
/// exit_status_of) if the signal does not kill it, as in process 1 of a container.
[[noreturn]] void end_by_signal(int signal, int status);

} // namespace unpaired
