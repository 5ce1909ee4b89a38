// From the ELF core of a Linux process that ran under the interposer to what is left in it.
#pragma once

#include "input/remains.h"

#include <string>

namespace unpaired {

/// Whether the file begins like an ELF core, of any machine. Throws InputError for an ELF file that is none, and
/// for what cannot be read at all.
bool is_core(const std::string &path);

struct CoreHints {
    std::string elf;     ///< the program's file; "" for the one that the core names
    std::string trace;   ///< "" for the only one beside the core that names its process
    std::string sysroot; ///< where the files are that the core names; "" for the running system
};

/// Reads the core. With the process's trace its ledger: every live slot, heap blocks as far as their tags still
/// stand in memory. Without it the heap blocks found by their tags, each with its call site alone.
///
/// What a report must know of how far it can be trusted stands in Trace::damage: parts that were not dumped, a
/// program that is not there. Throws InputError, one line, where nothing can be told: a core of another machine,
/// a process that was not recorded, an ELF file of another build.
Remains read_core(const std::string &path, const CoreHints &hints = {});

} // namespace unpaired
