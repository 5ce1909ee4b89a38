// Runs a process that writes the report if the launcher is killed by a signal that it cannot catch.
#pragma once

#include "commands/descriptor.h"

#include <sys/types.h>
#include <vector>

namespace unpaired {

/// SIGKILL ends the launcher at once. The keeper waits in a session of its own, which a signal to the launcher's
/// group does not reach. If the launcher ends before its work is done, the keeper kills the program by the same
/// signal, waits for its end, and continues in place of the launcher: it returns from the constructor.
class ReportKeeper {
public:
    /// Forks the keeper, which keeps `descriptors` open for the report. If fork fails (RLIMIT_NPROC), a killed
    /// launcher leaves the traces in their folder.
    explicit ReportKeeper(const std::vector<int> &descriptors);
    /// Ends the keeper, after the launcher's work is done.
    ~ReportKeeper();
    ReportKeeper(const ReportKeeper &) = delete;
    ReportKeeper &operator=(const ReportKeeper &) = delete;

    /// The program's process calls it before exec, so that every program has its keeper. Async-signal-safe.
    void program_started(pid_t program);
    void program_ended(int wait_status);

    /// Returns true in the keeper of a launcher that was killed. Then these hold:
    bool took_over() const { return took_over_; }
    pid_t program() const { return program_; } ///< 0: the program was not started
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
