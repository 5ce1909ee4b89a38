#include "program_memory.h"

#include "sys.h"

#include <cstring>
#include <sys/uio.h>

namespace unpaired {

size_t copy_from_program(uint64_t from, void *to, size_t size)
{
    // In two parts where a page ends in between: of a part, all is read or nothing.
    constexpr uint64_t page = 4096;
    const size_t in_page = page - from % page, first = size < in_page ? size : in_page;
    const iovec here{to, size};
    const iovec there[2] = {{reinterpret_cast<void *>(from), first},
                            {reinterpret_cast<void *>(from + first), size - first}};
    const long got = sys::call(SYS_process_vm_readv, sys::getpid(), sys::of(&here), 1, sys::of(there),
                               size > first ? 2 : 1, 0);
    return got > 0 ? static_cast<size_t>(got) : 0;
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
