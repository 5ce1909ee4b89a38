#include "commands/signal_witness.h"

#include "commands/held_signals.h"
#include "commands/process_name.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

namespace unpaired {
namespace {

enum class Order : char { tell, stopping };

std::vector<siginfo_t> take_pending()
{
    std::vector<siginfo_t> taken;
    siginfo_t info = {};
    while (take_signal(every_signal(), info, false) > 0)
        taken.push_back(info);
    return taken;
}

bool same_signal(const siginfo_t &a, const siginfo_t &b)
{
    if (a.si_signo != b.si_signo)
        return false;
    if (a.si_signo < SIGRTMIN)
        return true; // at most one instance of a standard signal is pending, with the first sender
    return a.si_code == b.si_code && a.si_pid == b.si_pid && a.si_value.sival_ptr == b.si_value.sival_ptr;
}

bool write_all(int fd, const void *from, size_t length)
{
    const auto *bytes = static_cast<const char *>(from);
    while (length > 0) {
        const ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        length -= static_cast<size_t>(n);
    }
    return true;
}

/// Continues the launcher if a CONT to the group came while the launcher was about to stop.
void watch_over_stop(int socket, pid_t launcher)
{
    for (const int milliseconds : {1, 10, 100, 1000}) {
        struct pollfd order = {socket, POLLIN, 0};
        if (poll(&order, 1, milliseconds) > 0)
            return; // the launcher has not stopped, or runs again
        if (is_pending(SIGCONT))
            kill(launcher, SIGCONT);
    }
}

[[noreturn]] void be_witness(int socket, pid_t launcher)
{
    rename_process("signal-witness");
    Order order = {};
    for (;;) {
        const ssize_t n = recv(socket, &order, sizeof order, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(0); // the launcher has ended
        if (order == Order::stopping) {
            watch_over_stop(socket, launcher);
            continue;
        }
        std::vector<siginfo_t> seen = take_pending();
        std::erase_if(seen, [launcher](const siginfo_t &info) {
            return info.si_code <= 0 && info.si_pid == launcher; // a CONT to wake this process
        });
        const uint64_t count = seen.size();
        if (!write_all(socket, &count, sizeof count) ||
            !write_all(socket, seen.data(), seen.size() * sizeof(siginfo_t)))
            _exit(0);
    }
}

} // namespace

void wait_for_group_signals() { setpgid(0, INT_MAX); }

SignalWitness::SignalWitness()
{
    std::array<int, 2> ends = {};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return;
    socket_ = Descriptor(ends[0]);
    const Descriptor theirs(ends[1]);
    const pid_t launcher = getpid();
    pid_ = fork();
    if (pid_ == 0) {
        socket_.reset();
        // Close all other inherited descriptors: the program's peers must see when the program closes them.
        dup2(theirs.get(), 0);
        for (int fd = 1; fd <= 2; fd++)
            close(fd);
        if (close_range(3, ~0U, 0) != 0)
            for (int fd = 3; fd < 1024; fd++)
                close(fd);
        be_witness(0, launcher);
    }
    if (pid_ < 0) {
        pid_ = 0;
        socket_.reset();
    }
}

SignalWitness::~SignalWitness()
{
    if (pid_ <= 0)
        return;
    kill(pid_, SIGKILL); // the witness may be stopped
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR)
        ;
}

bool SignalWitness::read_all(void *to, size_t length)
{
    auto *bytes = static_cast<char *>(to);
    while (length > 0) {
        struct pollfd answer = {socket_.get(), POLLIN, 0};
        if (poll(&answer, 1, 100) == 0) {
            // A STOP to the group stops the witness, and a CONT to this process alone does not continue it.
            int status = 0;
            if (waitpid(pid_, &status, WNOHANG | WUNTRACED) != pid_)
                continue;
            if (!WIFSTOPPED(status)) {
                pid_ = 0; // another process may get its number from now on
                return false;
            }
            kill(pid_, SIGCONT);
            continue;
        }
        const ssize_t n = recv(socket_.get(), bytes, length, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        length -= static_cast<size_t>(n);
    }
    return true;
}

bool SignalWitness::ask(std::vector<siginfo_t> &seen)
{
    const Order order = Order::tell;
    uint64_t count = 0;
    if (!socket_ || !write_all(socket_.get(), &order, sizeof order) || !read_all(&count, sizeof count)) {
        socket_.reset();
        return false;
    }
    seen.resize(count);
    if (count > 0 && !read_all(seen.data(), count * sizeof(siginfo_t))) {
        socket_.reset();
        return false;
    }
    return true;
}

std::vector<siginfo_t> SignalWitness::sent_to_us_alone(const std::vector<siginfo_t> &received)
{
    std::vector<siginfo_t> ours, seen;
    wait_for_group_signals(); // the witness has its copy of every signal that this process received
    if (!ask(seen)) {
        std::copy_if(received.begin(), received.end(), std::back_inserter(ours),
                     [](const siginfo_t &info) { return info.si_code <= 0 || info.si_signo == SIGALRM; });
        return ours;
    }
    seen.insert(seen.begin(), unmatched_.begin(), unmatched_.end());
    for (const siginfo_t &info : received) {
        const auto match = std::find_if(seen.begin(), seen.end(),
                                        [&info](const siginfo_t &other) { return same_signal(info, other); });
        if (match == seen.end())
            ours.push_back(info);
        else
            seen.erase(match);
    }
    wait_for_group_signals(); // this process has its copy of every signal that the witness received
    std::erase_if(seen, [](const siginfo_t &info) { return !is_pending(info.si_signo); });
    unmatched_ = std::move(seen);
    return ours;
}

void SignalWitness::announce_stop()
{
    const Order order = Order::stopping;
    if (socket_ && !write_all(socket_.get(), &order, sizeof order))
        socket_.reset();
}

} // namespace unpaired
