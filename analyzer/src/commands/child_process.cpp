#include "commands/child_process.h"

#include "commands/descriptor.h"
#include "commands/trouble.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>
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

/// Returns all pending signals. With `wait`, waits until at least one is pending.
std::vector<siginfo_t> received_signals(bool wait)
{
    std::vector<siginfo_t> received;
    siginfo_t info = {};
    while (take_signal(every_signal(), info, wait && received.empty()) > 0)
        received.push_back(info);
    return received;
}

bool from_a_process(const siginfo_t &info) { return info.si_code <= 0; }

/// Returns true for signals that concern only the launcher: CHLD of its children, PIPE that its own write caused,
/// CONT from the witness. The program must not receive them.
bool is_own(const siginfo_t &info, const SignalWitness &witness)
{
    if (!from_a_process(info))
        return info.si_signo == SIGCHLD;
    return info.si_pid == getpid() || (witness.pid() > 0 && info.si_pid == witness.pid());
}

bool is_sent_by(const siginfo_t &info, pid_t pid) { return from_a_process(info) && info.si_pid == pid; }

void send(const siginfo_t &info, pid_t to)
{
    siginfo_t copy = info;
    // Keeps the value of sigqueue(3). The sender of kill(2) is lost: the kernel forbids a process to set si_code to
    // SI_USER.
    if (info.si_code == SI_QUEUE && syscall(SYS_rt_sigqueueinfo, to, info.si_signo, &copy) == 0)
        return;
    kill(to, info.si_signo);
}

/// Forwards what the program sent to its parent to the parent of the launcher.
void forward_up(const siginfo_t &info)
{
    if (const pid_t parent = getppid(); parent > 0) // 0: the sender is outside this PID namespace
        send(info, parent);
}

bool is_stopped(pid_t pid)
{
    siginfo_t info = {};
    return waitid(P_PID, static_cast<id_t>(pid), &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid;
}

/// Returns true if `pid` has ended, and sets `status` to its wait status. Stops this process if the program has
/// stopped.
bool has_ended(pid_t pid, int &status, SignalWitness &witness)
{
    wait_for_group_signals(); // a CONT may have reached only this process so far
    if (is_stopped(pid)) {
        if (!is_pending(SIGCONT))
            witness.announce_stop();
        if (is_pending(SIGCONT)) // forward it first, if it was sent to this process alone
            return false;
    }
    if (waitpid(pid, &status, WNOHANG | WUNTRACED) != pid)
        return false;
    if (!WIFSTOPPED(status))
        return true;
    SignalsHeld::stop_by(WSTOPSIG(status));
    return false;
}

} // namespace

pid_t start_program(const std::string &file, const std::vector<std::string> &arguments,
                    const std::vector<std::string> &environment, SignalsHeld &signals,
                    const std::function<void(pid_t)> &forked)
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
    signals.take_timers();
    const pid_t pid = fork();
    if (pid < 0)
        throw Trouble(fmt::format("cannot start '{}': {}.", file, std::strerror(errno)));
    if (pid == 0) {
        forked(getpid());
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

int wait_forwarding(pid_t pid, SignalWitness &witness)
{
    int status = 0;
    while (!has_ended(pid, status, witness)) {
        std::vector<siginfo_t> received = received_signals(true);
        std::erase_if(received, [&witness](const siginfo_t &info) { return is_own(info, witness); });
        if (received.empty())
            continue;
        for (const siginfo_t &info : witness.sent_to_us_alone(received))
            if (is_sent_by(info, pid))
                forward_up(info);
            else
                send(info, pid);
    }
    std::vector<siginfo_t> late = received_signals(false);
    std::erase_if(late, [pid](const siginfo_t &info) { return !is_sent_by(info, pid); });
    for (const siginfo_t &info : witness.sent_to_us_alone(late))
        forward_up(info);
    return status;
}

} // namespace unpaired
