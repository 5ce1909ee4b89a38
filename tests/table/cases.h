// What the executables of this folder share: a case is the name of a function of the resource table, and code
// that acquires and releases through it. The cases register themselves, so a name is written once.
#pragma once

#include <cstddef>

namespace cases {

constexpr int times = 3; // acquisitions per case

struct Case {
    Case(const char *name, void (*code)(bool leave));
    const char *function;
    void (*use)(bool leave);
    Case *next;
};

/// Prints what failed and ends the program with status 99: a case that cannot acquire proves nothing.
[[noreturn]] void broken(const char *file, int line, const char *what);

} // namespace cases

inline bool held(int descriptor) { return descriptor >= 0; }
inline bool held(const void *handle) { return handle != nullptr; }

#define MUST(condition) ((condition) ? void() : cases::broken(__FILE__, __LINE__, #condition))

#if defined(__clang__)
#define CASE_FUNCTION [[gnu::noinline]]
#else
#define CASE_FUNCTION [[gnu::noipa]]
#endif

/// One case: `acquire` sets `it` (of `type`, in static storage) through the function or for it, `release` gives
/// it back. With `leave` the first one is kept.
#define CASE(function, type, acquire, release)                                   \
    CASE_FUNCTION void use_##function(bool leave)                                \
    {                                                                            \
        static type handles[cases::times];                                       \
        for (type & it : handles) {                                              \
            acquire;                                                             \
        }                                                                        \
        for (type *one = handles + leave; one < handles + cases::times; one++) { \
            type &it = *one;                                                     \
            release;                                                             \
        }                                                                        \
    }                                                                            \
    static cases::Case case_##function(#function, use_##function);
