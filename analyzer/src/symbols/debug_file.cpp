#include "symbols/debug_file_internal.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>

namespace unpaired {

namespace {

constexpr const char *debuginfod_variable = "DEBUGINFOD_URLS";
constexpr const char *deleted_suffix = " (deleted)";

std::string absolute_path(const std::string &path)
{
    std::error_code error;
    auto absolute = std::filesystem::absolute(path, error);
    return error ? path : absolute.lexically_normal().string();
}

/// libdwfl's search path: the module's own directory, its .debug, the user's directories, the system's.
std::string search_path(const SymbolOptions &options)
{
    std::string path = ":.debug";
    for (const auto &directory : options.debug_paths)
        path += ":" + absolute_path(directory);
    if (!options.sysroot.empty())
        path += ":" + absolute_path(options.sysroot) + "/usr/lib/debug";
    return path + ":/usr/lib/debug";
}

/// Every directory that may hold `.build-id/xx/yyyy`.
std::vector<std::string> build_id_directories(const SymbolOptions &options)
{
    std::vector<std::string> directories = options.debug_paths;
    if (!options.sysroot.empty())
        directories.push_back(options.sysroot + "/usr/lib/debug");
    directories.emplace_back("/usr/lib/debug");
    return directories;
}

/// Opens a regular file only: a trace is foreign input, and opening a FIFO or a device it names may block.
int open_regular(const std::string &file)
{
    int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -1;
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    return fd;
}

bool is_regular(const std::string &file)
{
    struct stat status;
    return stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

} // namespace

DebuginfodShield::DebuginfodShield(bool allowed)
{
    const char *value = getenv(debuginfod_variable);
    if (allowed || !value || !*value)
        return;
    saved_ = value;
    hidden_ = true;
    setenv(debuginfod_variable, "", 1);
}

DebuginfodShield::~DebuginfodShield()
{
    if (hidden_)
        setenv(debuginfod_variable, saved_.c_str(), 1);
}

std::string build_id_text(const void *bytes, size_t length)
{
    const auto *byte = static_cast<const unsigned char *>(bytes);
    std::string text;
    for (size_t i = 0; i < length; i++)
        text += fmt::format("{:02x}", byte[i]);
    return text;
}

std::unique_ptr<DebugFile> DebugFile::open_file(const std::string &file, const SymbolOptions &options,
                                                std::string &problem)
{
    int fd = open_regular(file);
    if (fd < 0) {
        problem = errno == EINVAL ? "it is not a regular file" : std::strerror(errno);
        return nullptr;
    }
    std::unique_ptr<DebugFile> opened(new DebugFile);
    opened->search_path_ = search_path(options);
    opened->search_path_pointer_ = opened->search_path_.data();
    opened->callbacks_.find_elf = dwfl_build_id_find_elf;
    opened->callbacks_.find_debuginfo = dwfl_standard_find_debuginfo;
    opened->callbacks_.section_address = dwfl_offline_section_address;
    opened->callbacks_.debuginfo_path = &opened->search_path_pointer_;
    opened->dwfl_ = dwfl_begin(&opened->callbacks_);
    // base 0 plus the segments' own addresses: everything then speaks the file's virtual addresses
    opened->module_ =
        opened->dwfl_ ? dwfl_report_elf(opened->dwfl_, file.c_str(), file.c_str(), fd, 0, true) : nullptr;
    if (!opened->module_) {
        const char *message = dwfl_errmsg(-1);
        problem = message ? message : "it cannot be read";
        close(fd);
        return nullptr;
    }
    dwfl_report_end(opened->dwfl_, nullptr, nullptr);
    GElf_Addr bias = 0;
    Elf *elf = dwfl_module_getelf(opened->module_, &bias);
    GElf_Ehdr header;
    if (elf && gelf_getehdr(elf, &header))
        opened->machine_ = header.e_machine;
    const unsigned char *bits = nullptr;
    GElf_Addr at = 0;
    int length = dwfl_module_build_id(opened->module_, &bits, &at);
    if (length > 0)
        opened->build_id_ = build_id_text(bits, size_t(length));
    return opened;
}

std::unique_ptr<DebugFile> DebugFile::open(const std::string &path, const std::string &build_id,
                                           const SymbolOptions &options, std::string &problem)
{
    DebuginfodShield shield(options.debuginfod);
    std::string name = path;
    if (name.ends_with(deleted_suffix))
        name.resize(name.size() - std::strlen(deleted_suffix));

    std::vector<std::string> candidates;
    if (!options.sysroot.empty())
        candidates.push_back(absolute_path(options.sysroot + "/" + name));
    // Outside the sysroot only what proves to be the same file: the developer's own copy of the program.
    if (options.sysroot.empty() || !build_id.empty())
        candidates.push_back(absolute_path(name));
    const size_t files_by_name = candidates.size();
    if (build_id.size() > 2)
        for (const auto &directory : build_id_directories(options)) {
            auto stem = directory + "/.build-id/" + build_id.substr(0, 2) + "/" + build_id.substr(2);
            candidates.push_back(stem);
            candidates.push_back(stem + ".debug"); // it alone still has names and lines
        }

    std::unique_ptr<DebugFile> opened;
    std::string trouble, missing;
    for (size_t i = 0; i < candidates.size() && !opened; i++) {
        const auto &file = candidates[i];
        if (i >= files_by_name && !is_regular(file))
            continue;
        std::string reason;
        auto candidate = open_file(file, options, reason);
        if (candidate && !build_id.empty() && candidate->build_id_ != build_id) {
            reason =
                candidate->build_id_.empty() ? "has no build-id" : "has build-id " + candidate->build_id_;
            reason = fmt::format("{} {} but the one recorded had {}: it was rebuilt or replaced since", file,
                                 reason, build_id);
        } else if (candidate) {
            opened = std::move(candidate);
            break;
        } else {
            reason = fmt::format("{} cannot be read ({})", file, reason);
        }
        // The first file by that name tells most; "no such file" only if there is nothing better to say.
        if (i < files_by_name) {
            auto &slot = is_regular(file) ? trouble : missing;
            if (slot.empty())
                slot = reason;
        }
    }
    if (!opened) {
        problem = fmt::format("{}; its frames have no names. Give the right file's place with --sysroot or "
                              "--debug-path.",
                              !trouble.empty() ? trouble : missing);
        return nullptr;
    }
    opened->dwarf_ = dwfl_module_getdwarf(opened->module_, &opened->dwarf_bias_);
    const char *shared = nullptr;
    const void *shared_id = nullptr;
    if (opened->dwarf_ && dwelf_dwarf_gnu_debugaltlink(opened->dwarf_, &shared, &shared_id) > 0 &&
        !dwarf_getalt(opened->dwarf_))
        problem =
            fmt::format("{} shares debug information in {} (dwz), which is not there; some of its functions "
                        "have no names. Give its place with --debug-path.",
                        path, shared);
    dwfl_module_getsymtab(opened->module_); // now, while the shield is up, rather than at the first look-up
    return opened;
}

DebugFile::~DebugFile()
{
    if (dwfl_)
        dwfl_end(dwfl_);
}

} // namespace unpaired
