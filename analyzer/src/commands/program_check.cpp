#include "commands/program_check.h"

#include "commands/descriptor.h"
#include "commands/trouble.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

namespace unpaired {
namespace {

#if defined(__x86_64__)
constexpr uint16_t own_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t own_machine = EM_AARCH64;
#elif defined(__riscv)
constexpr uint16_t own_machine = EM_RISCV;
#elif defined(__arm__)
constexpr uint16_t own_machine = EM_ARM;
#elif defined(__i386__)
constexpr uint16_t own_machine = EM_386;
#else
#error "tell program_check.cpp this machine's e_machine"
#endif
constexpr unsigned char own_class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;

constexpr int script_depth = 5; // the kernel follows no more interpreters of interpreters either

std::string machine_name(uint16_t machine)
{
    switch (machine) {
    case EM_X86_64:
        return "x86-64";
    case EM_386:
        return "32-bit x86";
    case EM_AARCH64:
        return "AArch64";
    case EM_ARM:
        return "ARM";
    case EM_RISCV:
        return "RISC-V";
    case EM_MIPS:
        return "MIPS";
    case EM_PPC64:
        return "POWER";
    default:
        return fmt::format("machine {}", machine);
    }
}

bool starts_with_privileges_off(const std::string &file)
{
    struct statvfs fs = {};
    if (statvfs(file.c_str(), &fs) == 0 && (fs.f_flag & ST_NOSUID))
        return true;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

/// The loader ignores LD_PRELOAD for a program that starts with more rights than its caller (AT_SECURE). What
/// the kernel would not grant, because the caller has it already or the mount forbids it, does no harm.
void require_no_privileges(const std::string &file, const std::string &name)
{
    struct stat st = {};
    if (stat(file.c_str(), &st) != 0 || starts_with_privileges_off(file))
        return;
    const char *what = nullptr;
    if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
        what = "is set-user-ID";
    else if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid())
        what = "is set-group-ID";
    else if (getuid() != 0 && getxattr(file.c_str(), "security.capability", nullptr, 0) > 0)
        what = "has file capabilities";
    if (what)
        throw Trouble(
            fmt::format("'{}' {}: the system lets nothing be loaded into it. Record a copy without these "
                        "rights, or run it as a user who has them already (sudo unpaired run ...).",
                        name, what));
}

struct ProgramHeaders {
    bool dynamic_loader = false; ///< it names one
    bool dynamic_section = false;
    std::string loader;
};

template <class Ehdr, class Phdr> ProgramHeaders read_headers(int fd, const std::string &name)
{
    Ehdr header = {};
    if (pread(fd, &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header))
        throw Trouble(
            fmt::format("'{}' is cut short: it begins like a program but has no ELF header.", name));
    if (header.e_machine != own_machine)
        throw Trouble(
            fmt::format("'{}' is built for {}, and this unpaired is for {}: record it with the unpaired of "
                        "its own architecture.",
                        name, machine_name(header.e_machine), machine_name(own_machine)));
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
        throw Trouble(fmt::format("'{}' is an ELF file but no program (an object file or a core).", name));
    ProgramHeaders found;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        Phdr segment = {};
        const auto at = static_cast<off_t>(header.e_phoff + uint64_t{i} * header.e_phentsize);
        if (pread(fd, &segment, sizeof segment, at) != static_cast<ssize_t>(sizeof segment))
            break;
        found.dynamic_section = found.dynamic_section || segment.p_type == PT_DYNAMIC;
        if (segment.p_type != PT_INTERP)
            continue;
        found.dynamic_loader = true;
        std::string loader(std::min<uint64_t>(segment.p_filesz, PATH_MAX), '\0');
        if (pread(fd, loader.data(), loader.size(), static_cast<off_t>(segment.p_offset)) > 0)
            found.loader = loader.c_str(); // NOLINT(readability-redundant-string-cstr): up to its NUL
    }
    return found;
}

bool is_the_loader_itself(const std::string &file)
{
    const std::string base = file.substr(file.rfind('/') + 1);
    return base.starts_with("ld-linux") || base.starts_with("ld64.so") || base.starts_with("ld.so") ||
           base.starts_with("ld-2");
}

void require_loadable_elf(int fd, unsigned char elf_class, const std::string &file, const std::string &name)
{
    const ProgramHeaders headers = elf_class == ELFCLASS64 ? read_headers<Elf64_Ehdr, Elf64_Phdr>(fd, name)
                                                           : read_headers<Elf32_Ehdr, Elf32_Phdr>(fd, name);
    if (elf_class != own_class)
        throw Trouble(
            fmt::format("'{}' is a {}-bit program, and this unpaired is for {}-bit ones: record it with a "
                        "{}-bit build of unpaired.",
                        name, elf_class == ELFCLASS64 ? 64 : 32, own_class == ELFCLASS64 ? 64 : 32,
                        elf_class == ELFCLASS64 ? 64 : 32));
    if (!headers.dynamic_loader && !is_the_loader_itself(file))
        throw Trouble(
            fmt::format("'{}' is statically linked: nothing can be loaded into it, so it cannot be recorded "
                        "this way. Link it dynamically, or link wraplib into it (-Wl,--wrap; see "
                        "docs/firmware.md).",
                        name));
    if (headers.loader.find("ld-musl") != std::string::npos)
        throw Trouble(fmt::format(
            "'{}' runs on musl ({}), and the recorder is built for glibc, so it cannot be recorded "
            "this way. Build it against glibc, or link wraplib into it (-Wl,--wrap; see "
            "docs/firmware.md).",
            name, headers.loader));
}

/// The interpreter of a script's first line: "#!/bin/sh -e" gives /bin/sh. "" if it names none.
std::string interpreter_of(const char *start, size_t length)
{
    const std::string line(start + 2, std::find(start + 2, start + length, '\n'));
    const size_t from = line.find_first_not_of(" \t");
    if (from == std::string::npos)
        return {};
    return line.substr(from, line.find_first_of(" \t", from) - from);
}

void require_recordable(const std::string &file, const std::string &name, int depth)
{
    const Descriptor fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    // A program may be executable and not readable: then the kernel starts it all the same, and if nothing is
    // recorded the report says so.
    if (!fd)
        return;
    char start[256] = {};
    const ssize_t length = pread(fd.get(), start, sizeof start, 0);
    if (length >= EI_NIDENT && std::memcmp(start, ELFMAG, SELFMAG) == 0) {
        require_loadable_elf(fd.get(), static_cast<unsigned char>(start[EI_CLASS]), file, name);
        require_no_privileges(file, name);
        return;
    }
    // Set-user-ID does nothing on a script. Without "#!" execvp hands it to /bin/sh.
    std::string interpreter = "/bin/sh";
    if (length >= 2 && start[0] == '#' && start[1] == '!')
        interpreter = interpreter_of(start, static_cast<size_t>(length));
    if (interpreter.empty() || access(interpreter.c_str(), X_OK) != 0)
        throw Trouble(
            fmt::format("cannot start '{}': its interpreter '{}' is not there.", name, interpreter));
    if (depth < script_depth)
        require_recordable(interpreter, fmt::format("{} (which runs {})", interpreter, name), depth + 1);
}

/// Why `file` cannot be started, as an errno; 0 if it can.
int startable(const std::string &file)
{
    struct stat st = {};
    if (stat(file.c_str(), &st) != 0)
        return errno;
    if (S_ISDIR(st.st_mode))
        return EISDIR;
    return access(file.c_str(), X_OK) == 0 ? 0 : errno;
}

} // namespace

std::string find_program(const std::string &program)
{
    if (program.empty())
        throw Trouble("the program's name is empty.");
    if (program.find('/') != std::string::npos) {
        if (const int error = startable(program))
            throw Trouble(fmt::format("cannot start '{}': {}.", program, std::strerror(error)));
        return program;
    }
    const char *variable = getenv("PATH");
    std::string path = variable ? variable : "/bin:/usr/bin";
    int worst = ENOENT;
    for (size_t from = 0; from <= path.size();) {
        const size_t colon = std::min(path.find(':', from), path.size());
        const std::string folder = path.substr(from, colon - from);
        const std::string candidate = (folder.empty() ? "." : folder) + "/" + program;
        const int error = startable(candidate);
        if (error == 0)
            return candidate;
        if (error != ENOENT && error != ENOTDIR)
            worst = error;
        from = colon + 1;
    }
    if (worst == ENOENT)
        throw Trouble(fmt::format("cannot find program '{}' in PATH.", program));
    throw Trouble(fmt::format("cannot start '{}' found in PATH: {}.", program, std::strerror(worst)));
}

void require_recordable(const std::string &file, const std::string &name)
{
    require_recordable(file, name, 0);
}

} // namespace unpaired
