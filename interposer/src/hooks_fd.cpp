// Descriptors: the calls that a row cannot express. Several handles from one call, duplicates, ranges, descriptors
// that arrive in a message, and the same calls made by number through syscall(2).
#include "hook.h"

#include "address_space.h"
#include "hooks_process.h"
#include "seal.h"

#include <cstdarg>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

using namespace unpaired;

namespace {

Acquisition descriptor(unsigned function, unsigned family, long fd)
{
    return {function, family, UNPAIRED_SPACE_fd, handle_of(static_cast<int>(fd))};
}

/// What a duplicate duplicates, as far as we know.
unsigned family_of(int fd, unsigned otherwise)
{
    const index::Descriptor known = index::descriptor(fd);
    if (known.slot == 0 || known.retired || slot_at(known.slot)->space != UNPAIRED_SPACE_fd)
        return otherwise;
    return site_info(slot_at(known.slot)->site).family;
}

/// A call that yields one descriptor, or fails.
void finish_one(Acquiring &acquiring, const Caller &caller, unsigned function, unsigned family, long fd)
{
    if (fd >= 0)
        finish_acquire(acquiring, caller, descriptor(function, family, fd));
    else
        finish_failed(acquiring, caller, descriptor(function, family, -1), errno);
}

void finish_two(Acquiring &acquiring, const Caller &caller, unsigned function, unsigned family, long ret,
                const int *fds)
{
    finish_one(acquiring, caller, function, family, ret == 0 ? fds[0] : -1);
    if (ret != 0)
        return;
    Acquisition second = descriptor(function, family, fds[1]);
    second.same_call = true;
    acquire_another(acquiring.thread, caller, second);
}

/// dup2 and dup3: whatever `to` was is closed, unless it is `from` itself.
template <class Call> int duplicate_onto(const Caller &caller, unsigned function, int from, int to, Call call)
{
    Thread *thread = enter(caller.sp);
    const unsigned family = thread != nullptr ? family_of(from, UNPAIRED_FAMILY_fd) : 0;
    const bool is_live = thread != nullptr && family_of(to, UNPAIRED_FAMILY_NONE) != UNPAIRED_FAMILY_NONE;
    Releasing releasing;
    if (is_live && from != to)
        releasing = begin_release(caller, function, UNPAIRED_SPACE_fd, handle_of(to));
    Acquiring acquiring = begin_acquire(caller);
    const int ret = call();
    const int error = errno;
    if (releasing.thread != nullptr && releasing.slot != 0) {
        if (ret >= 0) {
            finish_release(releasing, caller, true, true, ret, 0);
        } else { // EBADF of `from`, EBUSY, EINTR: `to` is as it was
            restore(*slot_at(releasing.slot));
            index::restore_descriptor(to, releasing.slot);
        }
    }
    errno = error;
    if (ret >= 0 && from == to)
        finish_nothing(acquiring);
    else
        finish_one(acquiring, caller, function, family, ret);
    return ret;
}

void release_range(const Caller &caller, unsigned function, unsigned first, unsigned last)
{
    Thread *thread = enter(caller.sp);
    if (thread == nullptr)
        return;
    {
        const KeepErrno keep;
        const Busy busy(*thread, caller.sp);
        called_to_release(function, *thread, caller);
    }
    for (int fd = index::next_descriptor(first, last); fd >= 0;
         fd = index::next_descriptor(static_cast<unsigned>(fd) + 1, last))
        released_by(thread, caller, function, UNPAIRED_SPACE_fd, handle_of(fd));
}

/// Descriptors that came with a message: unix(7), SCM_RIGHTS.
void received(Thread *thread, const Caller &caller, unsigned function, msghdr *message)
{
    if (thread == nullptr || message->msg_control == nullptr)
        return;
    bool same_call = false;
    for (cmsghdr *control = CMSG_FIRSTHDR(message); control != nullptr;
         control = CMSG_NXTHDR(message, control)) {
        if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
            continue;
        const size_t n = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            __builtin_memcpy(&fd, CMSG_DATA(control) + i * sizeof fd, sizeof fd);
            Acquisition passed = descriptor(function, UNPAIRED_FAMILY_fd, fd);
            passed.same_call = same_call;
            acquire_another(thread, caller, passed);
            same_call = true;
        }
    }
}

} // namespace

UNPAIRED_HOOK(int, socketpair, (int domain, int type, int protocol, int *fds))
{
    const Caller caller = UNPAIRED_CALLER();
    Acquiring acquiring = begin_acquire(caller);
    const int ret = UNPAIRED_REAL(socketpair)(domain, type, protocol, fds);
    finish_two(acquiring, caller, UNPAIRED_FUNCTION_socketpair, UNPAIRED_FAMILY_socket, ret, fds);
    return ret;
}

UNPAIRED_HOOK(int, pipe, (int *fds))
{
    const Caller caller = UNPAIRED_CALLER();
    Acquiring acquiring = begin_acquire(caller);
    const int ret = UNPAIRED_REAL(pipe)(fds);
    finish_two(acquiring, caller, UNPAIRED_FUNCTION_pipe, UNPAIRED_FAMILY_pipe, ret, fds);
    return ret;
}

UNPAIRED_HOOK(int, pipe2, (int *fds, int flags))
{
    const Caller caller = UNPAIRED_CALLER();
    Acquiring acquiring = begin_acquire(caller);
    const int ret = UNPAIRED_REAL(pipe2)(fds, flags);
    finish_two(acquiring, caller, UNPAIRED_FUNCTION_pipe2, UNPAIRED_FAMILY_pipe, ret, fds);
    return ret;
}

UNPAIRED_HOOK(int, openpty, (int *master, int *slave, char *name, const void *settings, const void *window))
{
    const Caller caller = UNPAIRED_CALLER();
    Acquiring acquiring = begin_acquire(caller);
    const int ret = UNPAIRED_REAL(openpty)(master, slave, name, settings, window);
    const int fds[2] = {ret == 0 ? *master : -1, ret == 0 ? *slave : -1};
    finish_two(acquiring, caller, UNPAIRED_FUNCTION_openpty, UNPAIRED_FAMILY_pty, ret, fds);
    return ret;
}

UNPAIRED_HOOK(int, signalfd, (int fd, const void *mask, int flags))
{
    const Caller caller = UNPAIRED_CALLER();
    Acquiring acquiring = begin_acquire(caller);
    const int ret = UNPAIRED_REAL(signalfd)(fd, mask, flags);
    if (ret >= 0 && ret == fd)
        finish_nothing(acquiring);
    else
        finish_one(acquiring, caller, UNPAIRED_FUNCTION_signalfd, UNPAIRED_FAMILY_signalfd, ret);
    return ret;
}

UNPAIRED_HOOK(int, dup, (int fd))
{
    const Caller caller = UNPAIRED_CALLER();
    Acquiring acquiring = begin_acquire(caller);
    const int ret = UNPAIRED_REAL(dup)(fd);
    finish_one(acquiring, caller, UNPAIRED_FUNCTION_dup, family_of(fd, UNPAIRED_FAMILY_fd), ret);
    return ret;
}

UNPAIRED_HOOK(int, dup2, (int from, int to))
{
    const Caller caller = UNPAIRED_CALLER();
    return duplicate_onto(caller, UNPAIRED_FUNCTION_dup2, from, to,
                          [&] { return UNPAIRED_REAL(dup2)(from, to); });
}

UNPAIRED_HOOK(int, dup3, (int from, int to, int flags))
{
    const Caller caller = UNPAIRED_CALLER();
    return duplicate_onto(caller, UNPAIRED_FUNCTION_dup3, from, to,
                          [&] { return UNPAIRED_REAL(dup3)(from, to, flags); });
}

// The third argument is an int, a long or a pointer, and is handed on as it came.
#define UNPAIRED_FCNTL(function)                                                                             \
    UNPAIRED_HOOK(int, function, (int fd, int command, unsigned long argument))                              \
    {                                                                                                        \
        if (command != F_DUPFD && command != F_DUPFD_CLOEXEC)                                                \
            return UNPAIRED_REAL(function)(fd, command, argument);                                           \
        const Caller caller = UNPAIRED_CALLER();                                                             \
        Acquiring acquiring = begin_acquire(caller);                                                         \
        const int ret = UNPAIRED_REAL(function)(fd, command, argument);                                      \
        finish_one(acquiring, caller, UNPAIRED_FUNCTION_##function, family_of(fd, UNPAIRED_FAMILY_fd), ret); \
        return ret;                                                                                          \
    }
UNPAIRED_FCNTL(fcntl)
UNPAIRED_FCNTL(fcntl64)

UNPAIRED_HOOK(ssize_t, recvmsg, (int fd, msghdr *message, int flags))
{
    const Caller caller = UNPAIRED_CALLER();
    const ssize_t ret = UNPAIRED_REAL(recvmsg)(fd, message, flags);
    if (ret >= 0 && message->msg_controllen >= sizeof(cmsghdr))
        received(enter(caller.sp), caller, UNPAIRED_FUNCTION_recvmsg, message);
    return ret;
}

UNPAIRED_HOOK(int, recvmmsg, (int fd, mmsghdr *messages, unsigned int n, int flags, timespec *timeout))
{
    const Caller caller = UNPAIRED_CALLER();
    const int ret = UNPAIRED_REAL(recvmmsg)(fd, messages, n, flags, timeout);
    for (int i = 0; i < ret; i++)
        if (messages[i].msg_hdr.msg_controllen >= sizeof(cmsghdr))
            received(enter(caller.sp), caller, UNPAIRED_FUNCTION_recvmmsg, &messages[i].msg_hdr);
    return ret;
}

UNPAIRED_HOOK(int, close_range, (unsigned int first, unsigned int last, int flags))
{
    const Caller caller = UNPAIRED_CALLER();
    constexpr int cloexec_only = 4; // CLOSE_RANGE_CLOEXEC: nothing is closed now
    if ((flags & cloexec_only) == 0 && first <= last)
        release_range(caller, UNPAIRED_FUNCTION_close_range, first, last);
    return UNPAIRED_REAL(close_range)(first, last, flags);
}

UNPAIRED_HOOK(void, closefrom, (int first))
{
    const Caller caller = UNPAIRED_CALLER();
    release_range(caller, UNPAIRED_FUNCTION_closefrom, first > 0 ? static_cast<unsigned>(first) : 0, ~0u);
    UNPAIRED_REAL(closefrom)(first);
}

namespace {

/// Families of the descriptors that system calls yield; 0: not one of them. `first` is the first argument.
unsigned family_of_call(long number, long first)
{
    switch (number) {
    case SYS_signalfd4: // given a descriptor, it changes that one
        return static_cast<int>(first) == -1 ? UNPAIRED_FAMILY_signalfd : UNPAIRED_FAMILY_NONE;
    case SYS_mq_open:
        return UNPAIRED_FAMILY_mqueue;
    case SYS_fanotify_init:
        return UNPAIRED_FAMILY_inotify;
    case SYS_socket:
    case SYS_accept4:
    case SYS_accept:
        return UNPAIRED_FAMILY_socket;
#ifdef SYS_open
    case SYS_open:
    case SYS_creat:
#endif
    case SYS_openat:
    case SYS_openat2:
        return UNPAIRED_FAMILY_file;
#ifdef SYS_epoll_create
    case SYS_epoll_create:
#endif
    case SYS_epoll_create1:
        return UNPAIRED_FAMILY_epoll;
#ifdef SYS_eventfd
    case SYS_eventfd:
#endif
    case SYS_eventfd2:
        return UNPAIRED_FAMILY_eventfd;
#ifdef SYS_inotify_init
    case SYS_inotify_init:
#endif
    case SYS_inotify_init1:
        return UNPAIRED_FAMILY_inotify;
    case SYS_timerfd_create:
        return UNPAIRED_FAMILY_timerfd;
    case SYS_memfd_create:
        return UNPAIRED_FAMILY_memfd;
    case SYS_pidfd_open:
        return UNPAIRED_FAMILY_pidfd;
    default:
        return UNPAIRED_FAMILY_NONE;
    }
}

bool yields_two(long number)
{
#ifdef SYS_pipe
    if (number == SYS_pipe)
        return true;
#endif
    return number == SYS_pipe2 || number == SYS_socketpair;
}

constexpr long new_listener =
    8; // SECCOMP_FILTER_FLAG_NEW_LISTENER: the call returns a descriptor (seccomp(2))

bool installs_filter(long number, long first)
{
    return (number == SYS_seccomp &&
            (first == SECCOMP_SET_MODE_STRICT || first == SECCOMP_SET_MODE_FILTER)) ||
           (number == SYS_prctl && static_cast<int>(first) == PR_SET_SECCOMP);
}

bool duplicates_onto(long number)
{
#ifdef SYS_dup2
    if (number == SYS_dup2)
        return true;
#endif
    return number == SYS_dup3;
}

} // namespace

UNPAIRED_HOOK(long, syscall, (long number, long a, long b, long c, long d, long e, long f))
{
    constexpr unsigned us = UNPAIRED_FUNCTION_syscall;
    const Caller caller = UNPAIRED_CALLER();
    if (number == SYS_close) {
        Releasing releasing = begin_release(caller, us, UNPAIRED_SPACE_fd, handle_of(static_cast<int>(a)));
        const long ret = UNPAIRED_REAL(syscall)(number, a, b, c, d, e, f);
        const int error = errno;
        finish_release(releasing, caller, ret == 0, ret == 0 || error != EBADF, ret, error);
        return ret;
    }
    if (number == SYS_execve)
        return execute(caller, reinterpret_cast<const char *>(a), reinterpret_cast<char *const *>(b),
                       reinterpret_cast<char *const *>(c));
    if (number == SYS_exit_group)
        before_exit(stack_pointer(), static_cast<int>(a));
    if (number == SYS_setrlimit || number == SYS_prlimit64) {
        const bool of_process = number == SYS_prlimit64;
        before_limit(caller.sp, of_process ? static_cast<int>(a) : 0, static_cast<int>(of_process ? b : a),
                     reinterpret_cast<const void *>(of_process ? c : b));
    }
    if (installs_filter(number, a)) {
        const bool by_seccomp = number == SYS_seccomp, listens = by_seccomp && (b & new_listener) != 0;
        const bool by_rules = by_seccomp ? a == SECCOMP_SET_MODE_FILTER : b == SECCOMP_MODE_FILTER;
        const long ret = while_sealing(
            caller.sp, by_rules ? reinterpret_cast<const void *>(c) : nullptr,
            [&] { return UNPAIRED_REAL(syscall)(number, a, b, c, d, e, f); },
            [listens](long result) { return result == 0 || (listens && result > 0); });
        if (listens && ret >= 0)
            acquire_another(enter(caller.sp), caller, descriptor(us, UNPAIRED_FAMILY_fd, ret));
        return ret;
    }
    if (const unsigned family = family_of_call(number, a); family != UNPAIRED_FAMILY_NONE) {
        Acquiring acquiring = begin_acquire(caller);
        const long ret = UNPAIRED_REAL(syscall)(number, a, b, c, d, e, f);
        finish_one(acquiring, caller, us, family, ret);
        return ret;
    }
    if (yields_two(number)) {
        Acquiring acquiring = begin_acquire(caller);
        const long ret = UNPAIRED_REAL(syscall)(number, a, b, c, d, e, f);
        const bool pair = number == SYS_socketpair;
        finish_two(acquiring, caller, us, pair ? UNPAIRED_FAMILY_socket : UNPAIRED_FAMILY_pipe, ret,
                   reinterpret_cast<const int *>(pair ? d : a));
        return ret;
    }
    if (number == SYS_dup || (number == SYS_fcntl && (b == F_DUPFD || b == F_DUPFD_CLOEXEC))) {
        Acquiring acquiring = begin_acquire(caller);
        const long ret = UNPAIRED_REAL(syscall)(number, a, b, c, d, e, f);
        finish_one(acquiring, caller, us, family_of(static_cast<int>(a), UNPAIRED_FAMILY_fd), ret);
        return ret;
    }
    if (duplicates_onto(number))
        return duplicate_onto(caller, us, static_cast<int>(a), static_cast<int>(b), [&] {
            return static_cast<int>(UNPAIRED_REAL(syscall)(number, a, b, c, d, e, f));
        });
    if (number == SYS_close_range && (c & 4) == 0 && static_cast<unsigned>(a) <= static_cast<unsigned>(b))
        release_range(caller, us, static_cast<unsigned>(a), static_cast<unsigned>(b));
    return UNPAIRED_REAL(syscall)(number, a, b, c, d, e, f);
}
