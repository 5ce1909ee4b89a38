// A process in the launcher's group that shows which signals were sent to the whole group.
#pragma once

#include "commands/descriptor.h"

#include <csignal>
#include <sys/types.h>
#include <vector>

namespace unpaired {

/// Waits until no kill(2) of a process group is half done. The kernel delivers such a signal to all members while it
/// holds the lock of the task list for reading, and setpgid(2) takes it for writing before it checks its arguments
/// (kernel/signal.c, kernel/sys.c). No process group has this number, so the call changes nothing.
void wait_for_group_signals();

/// A signal to the process group of the launcher (by the terminal, or by kill(2)) reaches the program without the
/// launcher's help. A signal to the launcher's pid does not. Both look the same to the launcher,
/// so it asks a second process of the same group: the witness receives the first kind only. It is called
/// "signal-witness" and not unpaired, so that a signal sent by name (pkill) is not taken for one to the group.
class SignalWitness {
public:
    /// Forks the witness. Without a witness (RLIMIT_NPROC), only the kernel's own signals count as sent to the group.
    SignalWitness();
    ~SignalWitness();
    SignalWitness(const SignalWitness &) = delete;
    SignalWitness &operator=(const SignalWitness &) = delete;

    /// Returns those of `received` that were sent to this process alone, in their order.
    std::vector<siginfo_t> sent_to_us_alone(const std::vector<siginfo_t> &received);

    /// Announces that this process is about to stop: a CONT to the group that comes before the stop takes effect
    /// would be lost by it, so the witness continues this process again.
    void announce_stop();

    pid_t pid() const { return pid_; }

private:
    bool ask(std::vector<siginfo_t> &seen);
    bool read_all(void *to, size_t length);

    pid_t pid_ = 0;
    Descriptor socket_;
    std::vector<siginfo_t> unmatched_; ///< received by the witness, pending in this process
};

} // namespace unpaired
