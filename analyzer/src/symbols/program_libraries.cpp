#include "symbols/program_libraries.h"

#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

extern char **environ;

namespace unpaired {

namespace {

constexpr auto patience = std::chrono::seconds(10);
constexpr size_t max_output = 1 << 20;

/// The program's PT_INTERP; "" if it has none or is not an ELF file.
std::string loader_of(const std::string &program)
{
    std::string loader;
    int fd = open(program.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (fd < 0)
        return loader;
    elf_version(EV_CURRENT);
    Elf *elf = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? elf_begin(fd, ELF_C_READ_MMAP, nullptr)
                                                                  : nullptr;
    size_t count = 0, size = 0;
    if (elf && elf_kind(elf) == ELF_K_ELF && elf_getphdrnum(elf, &count) == 0) {
        const char *bytes = elf_rawfile(elf, &size);
        for (size_t i = 0; i < count && bytes; i++) {
            GElf_Phdr header;
            if (gelf_getphdr(elf, int(i), &header) && header.p_type == PT_INTERP && header.p_offset < size) {
                size_t room = std::min<uint64_t>(header.p_filesz, size - header.p_offset);
                loader.assign(bytes + header.p_offset, strnlen(bytes + header.p_offset, room));
            }
        }
    }
    elf_end(elf);
    close(fd);
    return loader;
}

/// Standard output of a program, which is killed when it takes too long or says too much; "" then.
std::string output_of(const std::vector<std::string> &command)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return {};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    std::vector<char *> arguments;
    arguments.reserve(command.size() + 1);
    for (const auto &argument : command)
        arguments.push_back(const_cast<char *>(argument.c_str()));
    arguments.push_back(nullptr);
    pid_t pid = -1;
    int failure = posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    std::string output;
    bool complete = false;
    if (failure == 0) {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        while (output.size() <= max_output) {
            auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                deadline - std::chrono::steady_clock::now());
            pollfd readable = {ends[0], POLLIN, 0};
            if (left.count() <= 0)
                break;
            int ready = poll(&readable, 1, int(left.count()));
            if (ready < 0 && errno == EINTR)
                continue;
            if (ready <= 0)
                break;
            char buffer[4096];
            ssize_t length = read(ends[0], buffer, sizeof buffer);
            if (length < 0 && errno == EINTR)
                continue;
            if (length <= 0) {
                complete = length == 0;
                break;
            }
            output.append(buffer, size_t(length));
        }
        if (!complete)
            kill(pid, SIGKILL);
        int status = 0;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    close(ends[0]);
    return complete ? output : std::string();
}

} // namespace

std::vector<std::string> libraries_of(const std::string &program)
{
    std::vector<std::string> libraries;
    auto loader = loader_of(program);
    if (loader.empty() || loader[0] != '/')
        return libraries;
    // lines of "name => /path (0xaddress)" or "/path (0xaddress)"; not found: no path
    auto lines = output_of({loader, "--list", program});
    for (size_t begin = 0; begin < lines.size();) {
        auto end = std::min(lines.find('\n', begin), lines.size());
        auto line = lines.substr(begin, end - begin);
        begin = end + 1;
        auto arrow = line.find(" => ");
        auto from = arrow == line.npos ? line.find_first_not_of(" \t") : arrow + 4;
        auto address = line.rfind(" (0x");
        if (from != line.npos && address != line.npos && from < address && line[from] == '/')
            libraries.push_back(line.substr(from, address - from));
    }
    return libraries;
}

} // namespace unpaired
