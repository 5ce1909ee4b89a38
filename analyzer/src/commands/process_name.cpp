#include "commands/process_name.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <sys/prctl.h>
#include <unistd.h>

extern char **environ;

namespace unpaired {

void rename_process(const char *name)
{
    prctl(PR_SET_NAME, name);
    // The C library keeps argv[0] here; the arguments end where the environment begins.
    char *from = program_invocation_name;
    char *to = environ && *environ ? *environ : from + std::strlen(from);
    constexpr ptrdiff_t most = ptrdiff_t{8} << 20;
    if (to < from || to - from > most)
        to = from + std::strlen(from);
    std::memset(from, 0, static_cast<size_t>(to - from));
    std::memcpy(from, name, std::min(std::strlen(name), static_cast<size_t>(to - from)));
}

} // namespace unpaired
