// What is thrown when an input cannot be read at all.
#pragma once

#include <stdexcept>

namespace unpaired {

/// An input that cannot be used: not there, unreadable, foreign, or of another major version. `what()` is one
/// line that says what is wrong with which file and what to do. The command line ends with status 2 on it.
class InputError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

} // namespace unpaired
