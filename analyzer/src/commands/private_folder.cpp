#include "commands/private_folder.h"

#include "commands/trouble.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>

namespace unpaired {
namespace {

/// The path goes into UNPAIRED_OUTPUT, where % is special, and into UNPAIRED_OPTIONS, which blanks separate.
bool spelled_safely(const std::string &folder)
{
    return folder.starts_with('/') && folder.find_first_of("% \t\n") == std::string::npos;
}

/// Less than this free and tmpfs is not worth it: containers have 64 MiB of it by default, and a trace that finds
/// no room loses what comes then.
constexpr uint64_t enough = uint64_t{256} << 20;

bool has_room(const char *folder)
{
    struct statvfs fs = {};
    return statvfs(folder, &fs) == 0 && uint64_t{fs.f_bavail} * fs.f_frsize >= enough;
}

std::vector<std::string> places()
{
    std::vector<std::string> found;
    if (has_room("/dev/shm"))
        found.emplace_back("/dev/shm");
    if (const char *tmpdir = getenv("TMPDIR"); tmpdir && spelled_safely(tmpdir))
        found.emplace_back(tmpdir);
    found.emplace_back("/tmp");
    found.emplace_back("/dev/shm"); // little room is better than none
    return found;
}

} // namespace

PrivateFolder::PrivateFolder()
{
    int error = ENOENT;
    for (const std::string &place : places()) {
        std::string name = fmt::format("{}/unpaired-{}-XXXXXX", place, getpid());
        if (mkdtemp(name.data())) {
            path_ = name;
            return;
        }
        error = errno;
    }
    throw Trouble(fmt::format("cannot make a folder for the trace in {}: {}; set TMPDIR to a writable one.",
                              fmt::join(places(), ", "), std::strerror(error)));
}

PrivateFolder::~PrivateFolder()
{
    if (!kept_)
        remove();
}

void PrivateFolder::remove()
{
    if (path_.empty())
        return;
    std::error_code ignored; // somebody else removed it: then it is gone, which is what we want
    std::filesystem::remove_all(path_, ignored);
    path_.clear();
}

std::vector<std::string> PrivateFolder::traces() const
{
    std::vector<std::string> found;
    std::error_code ignored;
    for (const auto &entry : std::filesystem::directory_iterator(path_, ignored))
        if (entry.path().extension() == ".trace")
            found.push_back(entry.path().string());
    std::sort(found.begin(), found.end());
    return found;
}

} // namespace unpaired
