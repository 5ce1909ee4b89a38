#include "commands/report_keeper.h"

#include "commands/inherited_descriptors.h"
#include "commands/process_name.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace unpaired {
namespace {

struct Message {
    enum class Kind { ready, started, ended } kind;
    int value;
};

void send_message(const Descriptor &socket, const Message &message)
{
    if (socket) // a message is sent whole or not at all; an error means that no keeper runs
        (void)!send(socket.get(), &message, sizeof message, MSG_NOSIGNAL);
}

bool receive_message(int socket, Message &message)
{
    ssize_t n = 0;
    do
        n = recv(socket, &message, sizeof message, 0);
    while (n < 0 && errno == EINTR);
    return n == static_cast<ssize_t>(sizeof message);
}

/// Opens a pidfd: the kernel may assign the number of an ended process to another one.
Descriptor process_descriptor(pid_t pid)
{
    return Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

void kill_and_wait(const Descriptor &process)
{
    if (!process)
        return;
    syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
    struct pollfd end = {process.get(), POLLIN, 0};
    while (poll(&end, 1, -1) < 0 && errno == EINTR)
        ;
}

} // namespace

ReportKeeper::ReportKeeper(const std::vector<int> &descriptors)
{
    std::array<int, 2> ends = {};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return;
    Descriptor theirs(ends[0]);
    socket_ = Descriptor(ends[1]);
    pid_ = fork();
    if (pid_ == 0) {
        socket_.reset();
        setsid();
        rename_process("report-keeper");
        release_inherited_descriptors(descriptors);
        send_message(theirs, {Message::Kind::ready, 0});
        keep(theirs.get());
        return;
    }
    theirs.reset();
    Message ready = {};
    if (pid_ < 0 || !receive_message(socket_.get(), ready)) // the keeper has left the process group
        socket_.reset();
}

ReportKeeper::~ReportKeeper()
{
    if (pid_ <= 0)
        return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR)
        ;
}

void ReportKeeper::program_started(pid_t program)
{
    send_message(socket_, {Message::Kind::started, program});
}

void ReportKeeper::program_ended(int wait_status)
{
    send_message(socket_, {Message::Kind::ended, wait_status});
}

void ReportKeeper::keep(int socket)
{
    Descriptor process;
    bool ended = false;
    for (Message message = {}; receive_message(socket, message);) {
        if (message.kind == Message::Kind::started) {
            program_ = message.value;
            process = process_descriptor(program_);
        } else {
            ended = true;
            wait_status_ = message.value;
        }
    }
    if (!ended) {
        kill_and_wait(process);
        wait_status_ = SIGKILL; // wait status of a process that it killed
    }
    took_over_ = true;
}

} // namespace unpaired
