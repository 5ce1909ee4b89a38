// What is what in the memory of a process: variables, stacks, registers, heap.
#pragma once

#include "input/core_file.h"
#include "input/heap_tags.h"
#include "input/remains.h"

#include <functional>
#include <string>
#include <vector>

namespace unpaired {

/// Finds the roots of reachability of a process, given its blocks: fills `roots`, `registers` and `symbols` of
/// `remains`, whose `blocks` are there.
///
/// - What the modules can write, thread-local storage, and other anonymous memory: data. Not what belongs to the
///   recorder: its library, and the trace it has mapped.
/// - The mapping around each thread's stack pointer: in use from 128 bytes (the red zone) below the pointer up.
///   What lies below holds nothing. The stack of a thread that ended, which the C library keeps to use again, is
///   stale.
/// - Memory of the heap's arenas: blocks from before the recording are data; what is free holds nothing.
///
/// `thread_name` gives the name of a thread, "" if it has none; `file_of` the file of a module on this system.
void find_core_roots(Remains &remains, const CoreFile &core, const std::vector<CoreModule> &modules,
                     const HeapTags &tags, const std::function<std::string(uint32_t tid)> &thread_name,
                     const std::function<std::string(const CoreModule &)> &file_of);

} // namespace unpaired
