// Runs a program in our place: same process group, same signals, nothing extra inherited.
#pragma once

#include <csignal>
#include <string>
#include <sys/types.h>
#include <vector>

namespace unpaired {

/// While it lives, this process ignores INT and QUIT (they are for the program that shares the terminal) and XFSZ
/// (a trace that outgrows the limit is an error to tell, not an end), and
/// TERM, HUP, USR1, USR2, WINCH and CHLD are held back, so that wait_forwarding() can take and forward them.
/// What comes after that stays pending, and takes effect when the object goes.
class SignalsHeld {
public:
    SignalsHeld();
    ~SignalsHeld() { put_back(); }
    SignalsHeld(const SignalsHeld &) = delete;
    SignalsHeld &operator=(const SignalsHeld &) = delete;

    /// Mask and dispositions as they were at construction. Async-signal-safe: for the child between fork and exec.
    void put_back() const;
    const sigset_t &held() const { return held_; }

private:
    sigset_t held_, mask_before_;
    struct sigaction interrupt_before_, quit_before_, child_before_, file_size_before_;
};

/// Starts `file` with `arguments` (the name first) and `environment` ("NAME=value"). Returns its pid once it
/// runs. A file that is no ELF and has no "#!" goes to /bin/sh, as execvp has it. Throws Trouble.
pid_t start_program(const std::string &file, const std::vector<std::string> &arguments,
                    const std::vector<std::string> &environment, const SignalsHeld &signals);

/// Waits until `pid` ended and returns its wait status. Signals sent to this process by others are forwarded to
/// it; those of the terminal reach it without us.
int wait_forwarding(pid_t pid, const SignalsHeld &signals);

} // namespace unpaired
