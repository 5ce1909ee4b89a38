// What ends a command with status 2.
#pragma once

#include <stdexcept>

namespace unpaired {

/// Bad input or a system that refuses: `what()` is one line that says what is wrong and what to do about it.
/// The command prints it to stderr and ends with status 2.
class Trouble : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// As diff(1) has them.
enum ExitStatus { exit_nothing_found = 0, exit_findings = 1, exit_trouble = 2 };

} // namespace unpaired
