// Severities: what is a leak, what is suspect, what is only worth a note (DESIGN §2).
#pragma once

#include "passes/describe.h"
#include "passes/group.h"
#include "passes/growth.h"

#include <string_view>

namespace unpaired {

/// How unreleased resources of a space are judged.
enum class ResourceClass {
    memory,  ///< may be reachable to the end: judged by number and growth
    handle,  ///< descriptors, streams, lwIP's and a user's: expected to be given back before a normal exit
    lifelong ///< threads, keys, timers, initialised locks, ...: only growth tells
};

/// `kind` is of enum unpaired_space_kind.
ResourceClass class_of_space(std::string_view space_name, uint8_t kind);

/// Severity of one finding, whose growth is `growth`, in an image that ended so. A shell that a recorded program
/// ran for a command line (system, popen) ends without tidying up: its memory is a note.
Severity judge(const Described &described, const GrowthVerdict &growth, ResourceClass resource, Ending ending,
               bool of_helper_shell = false);

/// Whether `program` is one of the system's shells.
bool is_shell(std::string_view program);

/// Worst first: a total order, so that equal input gives equal reports.
bool worse(const Finding &a, const Finding &b);
bool worse(const ImageReport &a, const ImageReport &b);

} // namespace unpaired
