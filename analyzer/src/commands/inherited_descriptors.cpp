#include "commands/inherited_descriptors.h"

#include <algorithm>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

namespace unpaired {
namespace {

std::vector<int> &inherited()
{
    static std::vector<int> descriptors;
    return descriptors;
}

bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

} // namespace

void remember_inherited_descriptors()
{
    constexpr int most = 1024; // tried without /proc
    std::vector<int> &found = inherited();
    found.clear();
    const std::unique_ptr<DIR, int (*)(DIR *)> folder(opendir("/proc/self/fd"), &closedir);
    if (!folder) {
        for (int fd = 0; fd < most; fd++)
            if (is_open(fd))
                found.push_back(fd);
        return;
    }
    while (const struct dirent *entry = readdir(folder.get())) {
        const int fd = std::atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd != dirfd(folder.get()))
            found.push_back(fd);
    }
}

void release_inherited_descriptors(const std::vector<int> &kept)
{
    for (const int fd : inherited()) {
        if (fd == STDERR_FILENO || std::find(kept.begin(), kept.end(), fd) != kept.end())
            continue;
        const int null =
            fd == STDIN_FILENO || fd == STDOUT_FILENO ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
        if (null >= 0) {
            dup3(null, fd, O_CLOEXEC);
            close(null);
        } else {
            close(fd);
        }
    }
}

} // namespace unpaired
