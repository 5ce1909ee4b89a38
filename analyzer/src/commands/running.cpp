#include "commands/running.h"

#include "commands/descriptor.h"
#include "commands/trouble.h"
#include "input/read_trace.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <sys/stat.h>

namespace unpaired {
namespace {

constexpr std::string_view deleted_suffix = " (deleted)";

struct Mapping {
    bool shared = false;
    uint64_t inode = 0;
    std::string path, range;
};

/// One line of /proc/PID/maps; see proc(5).
bool parse(const std::string &line, Mapping &mapping)
{
    uint64_t start = 0, end = 0, offset = 0, inode = 0;
    unsigned major = 0, minor = 0;
    char permissions[8] = {};
    int path_at = 0;
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %x:%x %" SCNu64 " %n", &start,
                    &end, permissions, &offset, &major, &minor, &inode, &path_at) < 7)
        return false;
    mapping.shared = std::strchr(permissions, 's') != nullptr;
    mapping.inode = inode;
    mapping.path = path_at > 0 ? line.substr(static_cast<size_t>(path_at)) : std::string();
    mapping.range = fmt::format("{:x}-{:x}", start, end);
    return true;
}

/// Calls `visit` for each mapping until it returns true. False if none did or the maps cannot be read.
template <class Visit> bool any_mapping(uint32_t pid, Visit visit)
{
    std::ifstream maps(fmt::format("/proc/{}/maps", pid));
    std::string line;
    Mapping mapping;
    while (std::getline(maps, line))
        if (parse(line, mapping) && visit(mapping))
            return true;
    return false;
}

/// Whether the file `path` has this inode (another mount namespace may have another file there) and is a trace.
bool is_trace(const std::string &path, uint64_t inode)
{
    const Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat st = {};
    if (!fd || fstat(fd.get(), &st) != 0 || st.st_ino != inode)
        return false;
    std::array<uint8_t, 64> start = {};
    const ssize_t length = pread(fd.get(), start.data(), start.size(), 0);
    return length > 0 && looks_like_trace(std::span(start).first(static_cast<size_t>(length)));
}

} // namespace

bool maps_file(uint32_t pid, const std::string &path)
{
    struct stat st = {};
    if (stat(path.c_str(), &st) != 0)
        return false;
    return any_mapping(pid, [&](const Mapping &m) { return m.shared && m.inode == st.st_ino; });
}

std::vector<uint32_t> running_pids(const Trace &trace, const std::string &path)
{
    std::vector<uint32_t> found;
    for (const auto &[id, image] : trace.images)
        if (image.pid != 0 && maps_file(image.pid, path))
            found.push_back(image.pid);
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

void note_running(Trace &trace, const std::string &path)
{
    using namespace std::chrono;
    trace.running_pids = running_pids(trace, path);
    const auto now = static_cast<uint64_t>(nanoseconds(system_clock::now().time_since_epoch()).count());
    // a clock that was set back tells nothing
    if (!trace.running_pids.empty() && now > trace.started_realtime_ns)
        trace.now_ms = static_cast<uint32_t>((now - trace.started_realtime_ns) / 1'000'000);
}

std::string trace_of_process(uint32_t pid)
{
    const std::string maps = fmt::format("/proc/{}/maps", pid);
    const Descriptor fd(open(maps.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd && errno == ENOENT)
        throw Trouble(fmt::format("there is no process {}.", pid));
    if (!fd)
        throw Trouble(fmt::format("process {} is not ours to look at: {}; be the user who runs it, or root.",
                                  pid, std::strerror(errno)));
    std::string found;
    any_mapping(pid, [&](const Mapping &m) {
        if (!m.shared || m.path.empty() || m.path[0] != '/')
            return false;
        // The process may live in another mount namespace, and the file's name may be gone.
        const std::array<std::string, 3> names = {m.path, fmt::format("/proc/{}/root{}", pid, m.path),
                                                  fmt::format("/proc/{}/map_files/{}", pid, m.range)};
        const size_t first = m.path.ends_with(deleted_suffix) ? 2 : 0;
        for (size_t i = first; i < names.size() && found.empty(); i++)
            if (is_trace(names[i], m.inode))
                found = names[i];
        return !found.empty();
    });
    if (found.empty())
        throw Trouble(fmt::format(
            "process {} is not being recorded (start it with unpaired run or unpaired record).", pid));
    return found;
}

std::vector<Image> running_images(const Trace &trace)
{
    std::map<uint32_t, Image> by_pid;
    for (const auto &[id, image] : trace.images)
        if (std::find(trace.running_pids.begin(), trace.running_pids.end(), image.pid) !=
            trace.running_pids.end())
            by_pid[image.pid] = image;
    std::vector<Image> found;
    for (const auto &[pid, image] : by_pid)
        found.push_back(image);
    return found;
}

std::optional<uint32_t> pid_of_text(std::string_view text)
{
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::string trace_of_target(const std::string &target)
{
    if (const std::optional<uint32_t> pid = pid_of_text(target))
        return trace_of_process(*pid);
    return target;
}

} // namespace unpaired
