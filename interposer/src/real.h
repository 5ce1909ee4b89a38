// The functions behind the hooks: the next definition after this library in the program's search order.
#pragma once

#include "table.h"

namespace unpaired::real {

extern void *addresses[function_end];

void *find(unsigned function);
const char *name_of(unsigned function);

/// The real function's address, looked up at its first use. Never nullptr: a function nobody else defines ends
/// the program with the loader's words, as calling it without us would have.
inline void *address(unsigned function)
{
    void *known = __atomic_load_n(&addresses[function], __ATOMIC_RELAXED);
    return __builtin_expect(known != nullptr, 1) ? known : find(function);
}

/// Returns the real function's address if it is known, else the next definition in the search order, else nullptr.
const void *known_or_next(unsigned function);

/// Calls the real dlopen(3) for a library that is already loaded, and the real dlclose(3).
void *load_library(const char *name);
void unload_library(void *handle);

/// Returns true during a look-up. dlsym(3) frees the message of an earlier failure through our hook of free, while
/// the look-up may be that of the real free.
bool looking_up();

/// Looks up what the C library has, so that no hook needs dlsym later (it is not async-signal-safe).
void find_all();

/// Whether the program or another library defines the function before us, so that calls pass us by.
bool defined_elsewhere(unsigned function);

/// Returns true if the real function's library also defines `landmark`, a name that identifies the library.
bool is_from_library_with(unsigned function, const char *landmark);

} // namespace unpaired::real

/// The real function, with the type of its hook.
#define UNPAIRED_REAL(function) \
    (reinterpret_cast<decltype(&hook_##function)>(::unpaired::real::address(UNPAIRED_FUNCTION_##function)))
