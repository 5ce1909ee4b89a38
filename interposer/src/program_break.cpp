#include "program_break.h"

#include "libc.h"

namespace unpaired::program_break {

uint64_t start = UINT64_MAX;
void *const *end;

void find()
{
    void *const *variable = libc::functions().program_break;
    const long now = sys::call(SYS_brk, 0); // an invalid address: the kernel returns the present break
    if (variable == nullptr || now <= 0)
        return;
    end = variable;
    store(start, static_cast<uint64_t>(now), __ATOMIC_RELEASE);
}

} // namespace unpaired::program_break
