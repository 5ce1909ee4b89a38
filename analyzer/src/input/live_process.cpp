#include "input/live_process.h"

#include "input/input_error.h"

#include <cerrno>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sstream>
#include <sys/uio.h>
#include <unistd.h>

namespace unpaired {
namespace {

constexpr uint64_t page = 4096;
// A hole of memory that was never touched is left out if it is as large: programs reserve terabytes.
constexpr uint64_t smallest_hole = UINT64_C(1) << 20;

/// The whole address space; offsets are addresses.
class ProcessBytes : public Bytes {
public:
    explicit ProcessBytes(uint32_t pid) : pid_(static_cast<pid_t>(pid)) {}
    uint64_t size() const override { return UINT64_MAX; }
    bool may_change() const override { return true; }
    size_t copy(uint64_t offset, void *to, size_t length) const override
    {
        const iovec local{to, length}, remote{reinterpret_cast<void *>(offset), length};
        const ssize_t got = process_vm_readv(pid_, &local, 1, &remote, 1, 0);
        return got > 0 ? static_cast<size_t>(got) : 0;
    }

private:
    const pid_t pid_;
};

std::string text_of(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

[[noreturn]] void not_permitted(uint32_t pid)
{
    const std::string scope = text_of("/proc/sys/kernel/yama/ptrace_scope");
    throw InputError(fmt::format(
        "the memory of process {} may not be read: look as the user who runs it, or as root{}", pid,
        !scope.empty() && scope[0] != '0'
            ? fmt::format(" (kernel.yama.ptrace_scope is {}, so that it must be root, or: sysctl "
                          "kernel.yama.ptrace_scope=0)",
                          scope.substr(0, scope.find('\n')))
            : ""));
}

/// Which pages of a process there are: /proc/PID/pagemap, see proc(5).
class PageMap {
public:
    explicit PageMap(uint32_t pid)
        : fd_(open(fmt::format("/proc/{}/pagemap", pid).c_str(), O_RDONLY | O_CLOEXEC))
    {}
    ~PageMap()
    {
        if (fd_ >= 0)
            close(fd_);
    }
    PageMap(const PageMap &) = delete;
    PageMap &operator=(const PageMap &) = delete;

    /// Calls `visit(start, end)` for the parts of [start, end) between holes.
    template <class Visit> void each_part(uint64_t start, uint64_t end, Visit visit) const
    {
        constexpr uint64_t present = UINT64_C(1) << 63, swapped = UINT64_C(1) << 62;
        std::vector<uint64_t> entries(64 * 1024);
        uint64_t part = start, last = start; // what is there since `part` ends at `last`
        for (uint64_t at = start; at < end;) {
            const size_t wanted = std::min<uint64_t>(entries.size(), (end - at) / page);
            const ssize_t got = fd_ < 0 || wanted == 0
                                    ? -1
                                    : pread(fd_, entries.data(), wanted * sizeof entries[0],
                                            static_cast<off_t>(at / page * sizeof entries[0]));
            if (got < static_cast<ssize_t>(sizeof entries[0])) { // not to be told: all of it
                last = end;
                break;
            }
            for (size_t i = 0; i < static_cast<size_t>(got) / sizeof entries[0]; i++, at += page) {
                if ((entries[i] & (present | swapped)) == 0)
                    continue;
                if (at - last >= smallest_hole) {
                    if (last > part)
                        visit(part, last);
                    part = at;
                }
                last = at + page;
            }
        }
        if (end - last < smallest_hole)
            last = end;
        if (last > part)
            visit(part, last);
    }

private:
    const int fd_;
};

struct Mapping {
    uint64_t start = 0, end = 0, offset = 0, inode = 0;
    std::string permissions, path;
};

std::optional<Mapping> parse_mapping(const std::string &line)
{
    Mapping mapping;
    unsigned major = 0, minor = 0;
    char permissions[8] = {};
    int path_at = 0;
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %x:%x %" SCNu64 " %n",
                    &mapping.start, &mapping.end, permissions, &mapping.offset, &major, &minor,
                    &mapping.inode, &path_at) < 7 ||
        mapping.start >= mapping.end)
        return std::nullopt;
    mapping.permissions = permissions;
    mapping.path = path_at > 0 ? line.substr(static_cast<size_t>(path_at)) : "";
    return mapping;
}

bool of_device(const std::string &path)
{
    return path.starts_with("/dev/") && !path.starts_with("/dev/shm/") && !path.starts_with("/dev/zero");
}

void add_mapping(CoreFile &process, const Mapping &mapping, const std::shared_ptr<const Bytes> &bytes,
                 const PageMap &pages)
{
    if (mapping.inode != 0)
        process.mapped.push_back({mapping.start, mapping.end, mapping.offset, mapping.path});
    // reading what a device maps may do something to it
    if (mapping.permissions[0] != 'r' || of_device(mapping.path) || mapping.path.starts_with("[v"))
        return;
    const auto add = [&](uint64_t start, uint64_t end) {
        MemoryImage::Region region;
        region.start = start;
        region.end = end;
        region.bytes = bytes;
        region.offset = start;
        region.writable = mapping.permissions[1] == 'w';
        region.executable = mapping.permissions[2] == 'x';
        region.file = mapping.inode != 0 ? mapping.path : "";
        process.memory.add(std::move(region));
    };
    if (mapping.inode != 0 && mapping.permissions[3] == 'p')
        add(mapping.start, mapping.end); // of a file that is read only what is in it counts too
    else
        pages.each_part(mapping.start, mapping.end, add);
}

/// /proc/PID/task/TID/syscall: "running", or a system call's number, its arguments, stack pointer and program
/// counter; "-1" and no arguments where it waits outside of one.
CoreThread read_thread(uint32_t pid, uint32_t tid)
{
    static constexpr const char *arguments[] = {"rdi", "rsi", "rdx", "r10", "r8", "r9"};
    CoreThread thread;
    thread.tid = tid;
    std::istringstream words(text_of(fmt::format("/proc/{}/task/{}/syscall", pid, tid)));
    std::string number;
    std::vector<uint64_t> values;
    words >> number;
    for (std::string word; words >> word;) {
        uint64_t value = 0;
        if (word.starts_with("0x"))
            std::from_chars(word.data() + 2, word.data() + word.size(), value, 16);
        values.push_back(value);
    }
    if (values.size() < 2)
        return thread;
    thread.stack_pointer = values[values.size() - 2];
    for (size_t i = 0; i < std::size(arguments) && values.size() == std::size(arguments) + 2; i++)
        thread.registers.emplace_back(arguments[i], values[i]);
    return thread;
}

void read_auxiliary(CoreFile &process)
{
    const std::string bytes = text_of(fmt::format("/proc/{}/auxv", process.pid));
    for (size_t at = 0; at + 16 <= bytes.size(); at += 16) {
        uint64_t pair[2];
        std::memcpy(pair, &bytes[at], sizeof pair);
        process.aux[pair[0]] = pair[1];
    }
}

} // namespace

CoreFile read_live_process(uint32_t pid)
{
    CoreFile process;
    process.path = fmt::format("process {}", pid);
    process.pid = pid;
    std::ifstream maps(fmt::format("/proc/{}/maps", pid));
    if (!maps)
        throw InputError(fmt::format("there is no process {}", pid));
    const auto bytes = std::make_shared<const ProcessBytes>(pid);
    const PageMap pages(pid);
    bool any = false, readable = false;
    for (std::string line; std::getline(maps, line);)
        if (const std::optional<Mapping> mapping = parse_mapping(line)) {
            char byte = 0;
            any = true;
            readable = readable || bytes->copy(mapping->start, &byte, 1) == 1;
            add_mapping(process, *mapping, bytes, pages);
        }
    if (!any && errno == ESRCH)
        throw InputError(fmt::format("process {} has ended", pid));
    if (!readable)
        not_permitted(pid);
    std::error_code error;
    for (const auto &entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), error)) {
        uint32_t tid = 0;
        const std::string name = entry.path().filename().string();
        if (std::from_chars(name.data(), name.data() + name.size(), tid).ec == std::errc())
            process.threads.push_back(read_thread(pid, tid));
    }
    read_auxiliary(process);
    process.name = text_of(fmt::format("/proc/{}/comm", pid));
    if (process.name.ends_with('\n'))
        process.name.pop_back();
    return process;
}

} // namespace unpaired
