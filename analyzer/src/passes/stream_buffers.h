// The buffer of a stdio stream, which the C library makes at the stream's first read or write, long after the call
// that opened it: a part of the stream all the same.
#pragma once

#include "input/model.h"
#include "passes/pair.h"
#include "report.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace unpaired {

/// The symbolised stack of a site, innermost first; empty if it is not known.
using StackOfSite = std::function<Stack(uint32_t site)>;

/// Turns live buffers of streams into parts of theirs. Which stream that is tells memory, where it was looked at; else
/// it is the latest stream that has none, of the same thread if there is one. What is left are the few of streams that
/// the C library keeps for good (stdin, stdout): they go to PairedImage::library_buffers. Buffers that the C library
/// makes for the program to keep (getline, open_memstream) are none.
void adopt_stream_buffers(const Trace &trace, std::vector<PairedImage> &images, const StackOfSite &stack_of);

} // namespace unpaired
