#include "commands/child_process.h"

#include "commands/descriptor.h"
#include "commands/trouble.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

namespace unpaired {
namespace {

std::vector<char *> pointers(const std::vector<std::string> &strings)
{
    std::vector<char *> found;
    found.reserve(strings.size() + 1);
    for (const std::string &string : strings)
        found.push_back(const_cast<char *>(string.c_str())); // execve's signature is older than const
    found.push_back(nullptr);
    return found;
}

} // namespace

SignalsHeld::SignalsHeld()
{
    sigemptyset(&held_);
    for (const int signal : {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD})
        sigaddset(&held_, signal);
    sigprocmask(SIG_BLOCK, &held_, &mask_before_);
    struct sigaction action = {};
    action.sa_handler = SIG_IGN;
    sigaction(SIGINT, &action, &interrupt_before_);
    sigaction(SIGQUIT, &action, &quit_before_);
    sigaction(SIGXFSZ, &action, &file_size_before_);
    // Whoever started us may ignore CHLD, and then the kernel would keep no status for us to wait for.
    action.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &action, &child_before_);
}

void SignalsHeld::put_back() const
{
    sigaction(SIGINT, &interrupt_before_, nullptr);
    sigaction(SIGQUIT, &quit_before_, nullptr);
    sigaction(SIGCHLD, &child_before_, nullptr);
    sigaction(SIGXFSZ, &file_size_before_, nullptr);
    sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
}

pid_t start_program(const std::string &file, const std::vector<std::string> &arguments,
                    const std::vector<std::string> &environment, const SignalsHeld &signals)
{
    const std::vector<char *> argv = pointers(arguments), envp = pointers(environment);
    std::vector<std::string> for_shell = {"/bin/sh", file};
    for_shell.insert(for_shell.end(), arguments.begin() + 1, arguments.end());
    const std::vector<char *> shell_argv = pointers(for_shell);

    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        throw Trouble(fmt::format("cannot start '{}': {}.", file, std::strerror(errno)));
    const Descriptor reader(ends[0]);
    Descriptor writer(ends[1]);
    const pid_t pid = fork();
    if (pid < 0)
        throw Trouble(fmt::format("cannot start '{}': {}.", file, std::strerror(errno)));
    if (pid == 0) {
        signals.put_back();
        execve(file.c_str(), argv.data(), envp.data());
        if (errno == ENOEXEC)
            execve("/bin/sh", shell_argv.data(), envp.data());
        const int error = errno;
        (void)!write(writer.get(), &error, sizeof error);
        _exit(127);
    }
    writer.reset();
    int error = 0;
    ssize_t length = 0;
    do
        length = read(reader.get(), &error, sizeof error);
    while (length < 0 && errno == EINTR);
    if (length == static_cast<ssize_t>(sizeof error)) {
        waitpid(pid, nullptr, 0);
        throw Trouble(fmt::format("cannot start '{}': {}.", file, std::strerror(error)));
    }
    return pid;
}

int wait_forwarding(pid_t pid, const SignalsHeld &signals)
{
    for (;;) {
        siginfo_t info = {};
        const int signal = sigwaitinfo(&signals.held(), &info);
        if (signal < 0)
            continue; // EINTR: a stop and its continuation
        if (signal == SIGCHLD) {
            int status = 0;
            if (waitpid(pid, &status, WNOHANG) == pid)
                return status;
            continue;
        }
        // The terminal signals its whole foreground group: the program has got it already.
        if (info.si_code <= 0)
            kill(pid, signal);
    }
}

} // namespace unpaired
