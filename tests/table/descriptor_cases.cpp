#include "cases.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <pty.h>
#include <signal.h>
#include <string>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

extern "C" {
#include <sys/pidfd.h> // glibc 2.36 declares these without linkage
}
extern "C" int getpt(void);
extern "C" int __open_2(const char *, int);
extern "C" int __open64_2(const char *, int);
extern "C" int __openat_2(int, const char *, int);
extern "C" int __openat64_2(int, const char *, int);
extern "C" mqd_t __mq_open_2(const char *, int);

namespace {

volatile int read_only = O_RDONLY; // not known when compiled: the fortified build then calls __open_2

char scratch_name[64];

/// A template for mkstemp and its like, with `suffix`.
char *scratch(const char *suffix = "")
{
    std::snprintf(scratch_name, sizeof scratch_name, "/tmp/unpaired-table-XXXXXX%s", suffix);
    return scratch_name;
}

/// What mkstemp made is not needed by name.
int unnamed(int descriptor)
{
    MUST(descriptor >= 0 && unlink(scratch_name) == 0);
    return descriptor;
}

/// A listening socket on loopback with one connection waiting, made anew for each acquisition.
struct Listener {
    Listener() : fd(socket(AF_INET, SOCK_STREAM, 0)), client(socket(AF_INET, SOCK_STREAM, 0))
    {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto *generic = reinterpret_cast<sockaddr *>(&address);
        MUST(bind(fd, generic, length) == 0 && listen(fd, 1) == 0 && getsockname(fd, generic, &length) == 0);
        MUST(connect(client, generic, length) == 0);
    }
    Listener(const Listener &) = delete;
    ~Listener()
    {
        close(client);
        close(fd);
    }
    int fd, client;
};

/// Two connected sockets, the first with a descriptor in flight to the second.
struct Sending {
    Sending()
    {
        MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
        char byte = 'x';
        iovec data = {&byte, 1};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        msghdr message = {};
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &ends[0], sizeof(int));
        MUST(sendmsg(ends[0], &message, 0) == 1);
    }
    Sending(const Sending &) = delete;
    ~Sending()
    {
        close(ends[0]);
        close(ends[1]);
    }
    int ends[2];
};

/// Room for a message that carries one descriptor.
struct Receiving {
    char byte = 0;
    iovec data = {&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    mmsghdr message = {};
    Receiving()
    {
        message.msg_hdr.msg_iov = &data;
        message.msg_hdr.msg_iovlen = 1;
        message.msg_hdr.msg_control = control;
        message.msg_hdr.msg_controllen = sizeof control;
    }
    int descriptor()
    {
        int fd = -1;
        MUST(CMSG_FIRSTHDR(&message.msg_hdr));
        std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message.msg_hdr)), sizeof fd);
        return fd;
    }
};

/// Of two descriptors made at once, the first; the second is closed again.
int first_of(int made, const int (&pair)[2])
{
    MUST(made == 0);
    close(pair[1]);
    return pair[0];
}

int pair[2];

sigset_t one_signal()
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    return set;
}
sigset_t usr1 = one_signal();

const char *queue_name()
{
    static char name[64];
    std::snprintf(name, sizeof name, "/unpaired-table-%d", getpid());
    return name;
}
const char *made_queue()
{
    static const bool made = [] {
        mqd_t queue = mq_open(queue_name(), O_CREAT | O_RDWR, 0600, nullptr);
        MUST(queue >= 0 && mq_close(queue) == 0);
        return std::atexit([] { mq_unlink(queue_name()); }) == 0;
    }();
    MUST(made);
    return queue_name();
}

int next_free = 700; // numbers for dup2, dup3, close_range and closefrom, which choose their own

} // namespace

CASE(socket, int, MUST(held(it = socket(AF_INET, SOCK_STREAM, 0))), close(it))
CASE(accept, int, Listener listener; MUST(held(it = accept(listener.fd, nullptr, nullptr))), close(it))
CASE(accept4, int, Listener listener;
     MUST(held(it = accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC))), close(it))
CASE(socketpair, int, it = first_of(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), pair), close(it))
CASE(recvmsg, int, Sending from; Receiving to; MUST(recvmsg(from.ends[1], &to.message.msg_hdr, 0) == 1);
     it = to.descriptor(), close(it))
CASE(recvmmsg, int, Sending from; Receiving to; MUST(recvmmsg(from.ends[1], &to.message, 1, 0, nullptr) == 1);
     it = to.descriptor(), close(it))
CASE(shutdown, int, it = first_of(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), pair);
     shutdown(it, SHUT_RDWR), close(it))

CASE(open, int, MUST(held(it = open("/dev/null", read_only))), close(it))
CASE(open64, int, MUST(held(it = open64("/dev/null", O_RDONLY))), close(it))
CASE(__open_2, int, MUST(held(it = __open_2("/dev/null", O_RDONLY))), close(it))
CASE(__open64_2, int, MUST(held(it = __open64_2("/dev/null", O_RDONLY))), close(it))
CASE(openat, int, MUST(held(it = openat(AT_FDCWD, "/dev/null", read_only))), close(it))
CASE(openat64, int, MUST(held(it = openat64(AT_FDCWD, "/dev/null", O_RDONLY))), close(it))
CASE(__openat_2, int, MUST(held(it = __openat_2(AT_FDCWD, "/dev/null", O_RDONLY))), close(it))
CASE(__openat64_2, int, MUST(held(it = __openat64_2(AT_FDCWD, "/dev/null", O_RDONLY))), close(it))
CASE(creat, int, MUST(held(it = creat("/dev/null", 0600))), close(it))
CASE(creat64, int, MUST(held(it = creat64("/dev/null", 0600))), close(it))
CASE(mkstemp, int, it = unnamed(mkstemp(scratch())), close(it))
CASE(mkstemp64, int, it = unnamed(mkstemp64(scratch())), close(it))
CASE(mkostemp, int, it = unnamed(mkostemp(scratch(), O_CLOEXEC)), close(it))
CASE(mkostemp64, int, it = unnamed(mkostemp64(scratch(), O_CLOEXEC)), close(it))
CASE(mkstemps, int, it = unnamed(mkstemps(scratch(".c"), 2)), close(it))
CASE(mkstemps64, int, it = unnamed(mkstemps64(scratch(".c"), 2)), close(it))
CASE(mkostemps, int, it = unnamed(mkostemps(scratch(".c"), 2, O_CLOEXEC)), close(it))
CASE(mkostemps64, int, it = unnamed(mkostemps64(scratch(".c"), 2, O_CLOEXEC)), close(it))
CASE(pipe, int, it = first_of(pipe(pair), pair), close(it))
CASE(pipe2, int, it = first_of(pipe2(pair, O_CLOEXEC), pair), close(it))
CASE(epoll_create, int, MUST(held(it = epoll_create(1))), close(it))
CASE(epoll_create1, int, MUST(held(it = epoll_create1(EPOLL_CLOEXEC))), close(it))
CASE(eventfd, int, MUST(held(it = eventfd(0, EFD_CLOEXEC))), close(it))
CASE(timerfd_create, int, MUST(held(it = timerfd_create(CLOCK_MONOTONIC, 0))), close(it))
CASE(signalfd, int, MUST(held(it = signalfd(-1, &usr1, 0))), close(it))
CASE(inotify_init, int, MUST(held(it = inotify_init())), close(it))
CASE(inotify_init1, int, MUST(held(it = inotify_init1(IN_CLOEXEC))), close(it))
CASE(fanotify_init, int, MUST(held(it = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY))),
     close(it))
CASE(memfd_create, int, MUST(held(it = memfd_create("table", 0))), close(it))
CASE(shm_open, int, MUST(held(it = shm_open("/unpaired-table", O_CREAT | O_RDWR, 0600)));
     shm_unlink("/unpaired-table"), close(it))
CASE(mq_open, int, MUST(held(it = mq_open(made_queue(), O_CREAT | O_RDWR, 0600, nullptr))), mq_close(it))
CASE(__mq_open_2, int, MUST(held(it = __mq_open_2(made_queue(), O_RDWR))), mq_close(it))
CASE(posix_openpt, int, MUST(held(it = posix_openpt(O_RDWR | O_NOCTTY))), close(it))
CASE(getpt, int, MUST(held(it = getpt())), close(it))
CASE(openpty, int, it = first_of(openpty(&pair[0], &pair[1], nullptr, nullptr, nullptr), pair), close(it))
CASE(pidfd_open, int, MUST(held(it = pidfd_open(getpid(), 0))), close(it))

CASE(dup, int, MUST(held(it = dup(0))), close(it))
CASE(dup2, int, MUST(held(it = dup2(0, next_free++))), close(it))
CASE(dup3, int, MUST(held(it = dup3(0, next_free++, O_CLOEXEC))), close(it))
CASE(fcntl, int, MUST(held(it = fcntl(0, F_DUPFD, 10))), close(it))
CASE(fcntl64, int, MUST(held(it = fcntl64(0, F_DUPFD_CLOEXEC, 10))), close(it))
CASE(syscall, int, MUST(held(it = int(syscall(SYS_dup, 0)))), syscall(SYS_close, it))

CASE(close, int, MUST(held(it = memfd_create("close", 0))), close(it))
CASE(mq_close, int, MUST(held(it = mq_open(made_queue(), O_CREAT | O_RDWR, 0600, nullptr))), mq_close(it))
CASE(close_range, int, MUST(held(it = dup2(0, next_free++))), close_range(unsigned(it), unsigned(it), 0))
CASE(closefrom, int, MUST(held(it = dup2(0, (next_free++) + 200))), closefrom(it))
