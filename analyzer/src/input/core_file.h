// An ELF core of a Linux process on x86-64, decoded: memory, threads, mapped files. See core(5) and elf.h.
#pragma once

#include "input/memory_image.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace unpaired {

struct CoreThread {
    uint32_t tid = 0;
    uint64_t stack_pointer = 0, thread_pointer = 0; ///< rsp, fs_base; of a live process 0 where not known
    std::vector<std::pair<std::string, uint64_t>> registers;
};

struct CoreMapping {
    uint64_t start = 0, end = 0, offset = 0; ///< offset in the file, bytes
    std::string path;
};

struct CoreFile {
    std::string path;
    MemoryImage memory;               ///< what was dumped; `file` of its regions is set
    std::vector<CoreThread> threads;  ///< the one that died first
    std::vector<CoreMapping> mapped;  ///< files, by address
    std::map<uint64_t, uint64_t> aux; ///< auxiliary vector, AT_*
    uint32_t pid = 0, parent_pid = 0;
    int signal = 0; ///< that the process died of; 0: none, it was dumped alive
    std::string name, command;
    std::vector<std::string> damage; ///< sentences: what the core lacks
};

/// Reads the headers and notes of a core; memory is read when asked for. Throws InputError if it is no core, or
/// of another machine than x86-64.
CoreFile read_core_file(const std::string &path);

/// A module that the process had mapped.
struct CoreModule {
    std::string path, build_id; ///< build-id hexadecimal, "" if it cannot be told
    uint64_t start = 0, end = 0, bias = 0;
};

/// The ELF files among what was mapped, by address. Their headers are read from memory where they were dumped,
/// else from the files below `sysroot`.
std::vector<CoreModule> modules_of(const CoreFile &core, const std::string &sysroot);

} // namespace unpaired
