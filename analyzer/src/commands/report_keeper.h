// A process that writes the report when the launcher is killed by a signal that it cannot catch.
#pragma once

#include "commands/descriptor.h"

#include <sys/types.h>
#include <vector>

namespace unpaired {

/// SIGKILL ends the launcher at once. The keeper waits in a session of its own, which a signal to the launcher's group
/// does not reach. When the launcher is gone without having finished, the keeper kills the program by the same signal,
/// waits for its end, and goes on in the launcher's place: it returns from the constructor.
class ReportKeeper {
public:
    /// Forks the keeper, which keeps `descriptors` open for the report. Without one (RLIMIT_NPROC) a killed launcher
    /// leaves the traces where they are.
    explicit ReportKeeper(const std::vector<int> &descriptors);
    /// The launcher has done its work: ends the keeper.
    ~ReportKeeper();
    ReportKeeper(const ReportKeeper &) = delete;
    ReportKeeper &operator=(const ReportKeeper &) = delete;

    /// To be called by the program's process before exec, so that no program is without its keeper. Async-signal-safe.
    void program_started(pid_t program);
    void program_ended(int wait_status);

    /// Returns true in the keeper of a launcher that was killed. Then these hold:
    bool took_over() const { return took_over_; }
    pid_t program() const { return program_; } ///< 0: it was not started
    int wait_status() const { return wait_status_; }

private:
    void keep(int socket);

    pid_t pid_ = 0;
    Descriptor socket_;
    bool took_over_ = false;
    pid_t program_ = 0;
    int wait_status_ = 0;
};

} // namespace unpaired
