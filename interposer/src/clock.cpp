#include "clock.h"

#include "elf_symbols.h"
#include "libc.h"
#include "sys.h"

#include <sys/auxv.h>

namespace unpaired {
namespace {

using ClockGettime = int(clockid_t, timespec *);

int by_system_call(clockid_t clock, timespec *now)
{
    return static_cast<int>(sys::call(SYS_clock_gettime, clock, sys::of(now)));
}

/// Returns the vDSO's function, or the system call if the kernel provides no vDSO (vdso(7)).
ClockGettime *find_function()
{
#if defined(__x86_64__)
    constexpr const char *name = "__vdso_clock_gettime";
#else
    constexpr const char *name = "__kernel_clock_gettime";
#endif
    const uint64_t image = libc::functions().getauxval(AT_SYSINFO_EHDR);
    if (image == 0)
        return by_system_call;
    const auto *header = reinterpret_cast<const ElfW(Ehdr) *>(image);
    const auto *segment = reinterpret_cast<const ElfW(Phdr) *>(image + header->e_phoff);
    uint64_t bias = image;
    const ElfW(Dyn) *dynamic = nullptr;
    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (segment[i].p_type == PT_LOAD)
            bias = image + segment[i].p_offset - segment[i].p_vaddr;
        else if (segment[i].p_type == PT_DYNAMIC)
            dynamic = reinterpret_cast<const ElfW(Dyn) *>(image + segment[i].p_offset);
    }
    ElfSymbols symbols;
    void *function = symbols.read(bias, dynamic) ? symbols.find(name) : nullptr;
    return function != nullptr ? reinterpret_cast<ClockGettime *>(function) : by_system_call;
}

ClockGettime *clock_gettime_found;

} // namespace

timespec read_clock(clockid_t clock)
{
    timespec now{};
    if (clock == CLOCK_THREAD_CPUTIME_ID || clock == CLOCK_PROCESS_CPUTIME_ID) { // not in the vDSO
        by_system_call(clock, &now);
        return now;
    }
    ClockGettime *function = __atomic_load_n(&clock_gettime_found, __ATOMIC_RELAXED);
    if (__builtin_expect(function == nullptr, 0)) {
        function = find_function();
        __atomic_store_n(&clock_gettime_found, function, __ATOMIC_RELAXED);
    }
    function(clock, &now);
    return now;
}

} // namespace unpaired
