// The frame to look at first: the innermost one that is neither a system library nor a wrapper around an
// acquirer.
#pragma once

#include "report.h"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace unpaired {

/// Whether a module belongs to the system, by its path. The main executable never does.
bool is_system_module(std::string_view path, std::string_view program);

/// Whether a frame is of the C or C++ runtime: libc, the loader, libpthread, libstdc++, start-up code.
bool is_runtime_frame(const Frame &frame);

/// Whether a frame is of what a firmware is built on, linked into it like everything else: the C and C++ library,
/// the RTOS, lwIP. Told by the source file; a frame without one is, if the program itself has debug information.
bool is_firmware_library(const Frame &frame, bool program_has_files);

/// Whether a function is an allocation wrapper by its name alone: operator new, xmalloc, *_malloc, std::...
bool is_wrapper_name(std::string_view function);

/// Learns from all stacks of a trace which functions only hand an acquirer's result through.
class Wrappers {
public:
    /// `families_alike` is what the acquirer yields: memory is wrapped in two callers' worth of evidence, other
    /// resources need three, for a function with two callers that opens one socket is more often its owner.
    /// `stack` is innermost first, [0] the caller of `acquirer`; its first frames suffice.
    void learn(const std::string &acquirer, bool memory, const Stack &stack);

    /// To be called once after the last learn().
    void conclude();

    /// Whether `frame`'s function, called from nowhere but wrappers to `acquirer`, is a wrapper.
    bool is_wrapper(const std::string &acquirer, const std::string &function) const;

private:
    struct Seen {
        bool memory = false;
        std::set<std::string> callers;    ///< functions
        std::set<std::string> call_sites; ///< places in it from which it reaches the acquirer
    };
    struct Path {
        std::string acquirer;
        bool memory;
        Stack frames;
    };
    std::vector<Path> paths_;
    std::map<std::pair<std::string, std::string>, Seen> seen_; // (acquirer, function)
    std::set<std::pair<std::string, std::string>> wrappers_;
};

struct Blame {
    Frame frame;
    size_t index = 0;       ///< of the frame in the stack
    bool in_program = true; ///< false: no frame of the program itself is on the stack
};

/// Chooses the blame frame of a stack. An empty stack gives an empty frame. `firmware`: there are no shared
/// libraries, see is_firmware_library().
Blame choose_blame(const std::string &acquirer, const Stack &stack, const Wrappers &wrappers,
                   std::string_view program, bool firmware = false);

} // namespace unpaired
