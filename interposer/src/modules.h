// Which files are mapped for execution where.
#pragma once

#include "state.h"

namespace unpaired {

/// Records modules not yet known, and those that are gone: at the start and after dlopen and dlclose. Takes the
/// loader's lock: not from a signal handler.
void update_modules();

struct ModuleView {
    uint64_t start, end, bias;
    const char *path; ///< "" for the vDSO; lives as long as the process
    uint8_t build_id[20];
    uint8_t build_id_len;
    bool runtime; ///< the C or C++ runtime, the loader, or this library: never anybody's owner
    bool libc;    ///< the C library or the loader
};
/// The module that covers `address`, or nullptr. Lock-free.
const ModuleView *module_at(uint64_t address);

/// Returns true once for each loading of the module that covers `address`. Returns false for the program, the C and
/// C++ runtime and this library.
bool first_look_at_module(uint64_t address);

/// Where code of modules has been: of the program itself, and of all others from the first to the last.
struct CodeSpan {
    uint64_t start, end;
};
extern CodeSpan code_spans[2];

extern uint32_t module_map_generation;
/// Number of the current module map: stacks taken under another one may mean other code.
inline uint32_t module_generation() { return load(module_map_generation); }

/// In a forked child: another thread of the parent may have held the map's lock.
void release_module_lock();
/// Releases the lock after a signal handler left this thread's update by longjmp. `sp` is the stack pointer of the
/// caller of the hook that was left.
void release_module_lock_below(uint64_t sp);

} // namespace unpaired
