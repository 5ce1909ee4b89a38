#include "program_memory.h"

#include "sys.h"

#include <cstring>
#include <sys/uio.h>

namespace unpaired {

namespace {

constexpr uint64_t page = 4096;

/// Returns true if the 8 bytes around `at` are readable. rt_sigprocmask(2) reads the set before it rejects its first
/// argument; unlike process_vm_readv it is permitted everywhere.
bool readable(uint64_t at)
{
    constexpr long kernel_sigset = 8, no_such_way = 12345, unreadable = -14; // −EFAULT
    return sys::call(SYS_rt_sigprocmask, no_such_way, static_cast<long>(at & ~uint64_t{7}), 0,
                     kernel_sigset) != unreadable;
}

size_t copy_what_is_readable(uint64_t from, void *to, size_t size)
{
    size_t readable_bytes = 0;
    for (uint64_t at = from; readable_bytes < size && readable(at); at = (at | (page - 1)) + 1)
        readable_bytes = (at | (page - 1)) + 1 - from;
    if (readable_bytes > size)
        readable_bytes = size;
    memcpy(to, reinterpret_cast<const void *>(from), readable_bytes);
    return readable_bytes;
}

} // namespace

size_t copy_from_program(uint64_t from, void *to, size_t size)
{
    if (sys::sealed())
        return 0;
    // Copy in two parts if a page ends in between: a part is readable as a whole or not at all.
    const size_t in_page = page - from % page, first = size < in_page ? size : in_page;
    const iovec here{to, size};
    const iovec there[2] = {{reinterpret_cast<void *>(from), first},
                            {reinterpret_cast<void *>(from + first), size - first}};
    const long got = sys::call(SYS_process_vm_readv, sys::getpid(), sys::of(&here), 1, sys::of(there),
                               size > first ? 2 : 1, 0);
    constexpr long unreadable = -14; // −EFAULT
    return got > 0 ? static_cast<size_t>(got) : got == unreadable ? 0 : copy_what_is_readable(from, to, size);
}

size_t length_of_text(const char *text, size_t most)
{
    char piece[256];
    for (size_t length = 0; length < most;) {
        const size_t wanted = most - length < sizeof piece ? most - length : sizeof piece;
        const size_t got = copy_from_program(reinterpret_cast<uint64_t>(text) + length, piece, wanted);
        const size_t here = strnlen(piece, got);
        length += here;
        if (here < got)
            return length;
        if (got < wanted)
            return 0;
    }
    return most;
}

} // namespace unpaired
