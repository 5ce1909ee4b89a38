// Streams and directory streams. Their descriptors are opened and closed inside the C library, unseen: a stream's
// own descriptor is entered in the descriptor index as the stream's, so that close(fileno(stream)) is recognised,
// and one that fdopen moved into the stream is released with it.
#include "hook.h"

#include "anomalies.h"
#include "libc.h"

#include <cstdio>
#include <dirent.h>

using namespace unpaired;

namespace {

int descriptor_of(FILE *stream) { return libc::functions().fileno_unlocked(stream); }
int descriptor_of(DIR *stream) { return libc::functions().dirfd(stream); }

/// The descriptor behind a fresh stream: it is the stream's, or moves into it.
void adopt_descriptor(uint32_t stream_slot, int fd)
{
    if (stream_slot == 0 || fd < 0)
        return;
    const KeepErrno keep;
    const index::Descriptor known = index::descriptor(fd);
    if (known.slot != 0 && !known.retired && slot_at(known.slot)->space == UNPAIRED_SPACE_fd) {
        unpaired_slot &moved = *slot_at(known.slot);
        moved.parent = stream_slot;
        moved.parent_sequence = slot_at(stream_slot)->sequence;
        moved.flags |= UNPAIRED_SLOT_MOVED;
        return;
    }
    if (fd < UINT16_MAX)
        slot_at(stream_slot)->descriptor = static_cast<uint16_t>(fd + 1);
    bool ok;
    index::enter_descriptor(fd, stream_slot, ok);
}

/// A descriptor number that glibc opened for a stream: whatever we had under it was closed unseen.
void opened_inside(Thread *thread, const Caller &caller, int fd)
{
    if (thread == nullptr || fd < 0)
        return;
    const index::Descriptor known = index::descriptor(fd);
    if (known.slot == 0 || known.retired || slot_at(known.slot)->space != UNPAIRED_SPACE_fd)
        return;
    const KeepErrno keep;
    const Busy busy(*thread, caller.sp);
    if (claim(*slot_at(known.slot))) {
        count_released_unseen(*thread, *slot_at(known.slot));
        send_home(*thread, known.slot);
    }
    index::retire_descriptor(fd);
}

template <class Stream>
void finish_stream(Acquiring &acquiring, const Caller &caller, const Acquisition &what, Stream *stream,
                   bool moved)
{
    if (stream == nullptr) {
        finish_failed(acquiring, caller, what, errno);
        return;
    }
    const KeepErrno keep;
    const int fd = acquiring.thread != nullptr ? descriptor_of(stream) : -1;
    if (!moved)
        opened_inside(acquiring.thread, caller, fd);
    adopt_descriptor(finish_acquire(acquiring, caller, what), fd);
}

/// Before a stream is closed: its descriptor goes with it.
void release_descriptor_of(Thread *thread, const Caller &caller, unsigned function, uint32_t stream_slot,
                           int fd)
{
    if (thread == nullptr || fd < 0)
        return;
    const index::Descriptor known = index::descriptor(fd);
    if (known.slot == 0 || known.retired)
        return;
    if (known.slot == stream_slot)
        index::retire_descriptor(fd);
    else if ((slot_at(known.slot)->flags & UNPAIRED_SLOT_MOVED) != 0 &&
             slot_at(known.slot)->parent == stream_slot)
        released_by(thread, caller, function, UNPAIRED_SPACE_fd, handle_of(fd));
}

template <class Stream>
Releasing begin_close(const Caller &caller, unsigned function, unsigned space, Stream *stream)
{
    Releasing releasing = begin_release(caller, function, space, handle_of(stream));
    if (releasing.slot != 0) {
        const KeepErrno keep;
        release_descriptor_of(releasing.thread, caller, function, releasing.slot, descriptor_of(stream));
    }
    return releasing;
}

} // namespace

#define UNPAIRED_OPEN_STREAM(family, type, function, parameters, arguments, moved)                         \
    UNPAIRED_HOOK(type, function, parameters)                                                              \
    {                                                                                                      \
        const Caller caller = UNPAIRED_CALLER();                                                           \
        Acquiring acquiring = begin_acquire(caller);                                                       \
        type ret = UNPAIRED_REAL(function) arguments;                                                      \
        finish_stream(acquiring, caller,                                                                   \
                      {UNPAIRED_FUNCTION_##function, UNPAIRED_FAMILY_##family, UNPAIRED_SPACE_OF_##family, \
                       handle_of(ret)},                                                                    \
                      ret, moved);                                                                         \
        return ret;                                                                                        \
    }

UNPAIRED_OPEN_STREAM(stream, FILE *, fopen, (const char *path, const char *mode), (path, mode), false)
UNPAIRED_OPEN_STREAM(stream, FILE *, fopen64, (const char *path, const char *mode), (path, mode), false)
UNPAIRED_OPEN_STREAM(stream, FILE *, tmpfile, (), (), false)
UNPAIRED_OPEN_STREAM(stream, FILE *, tmpfile64, (), (), false)
UNPAIRED_OPEN_STREAM(stream, FILE *, fdopen, (int fd, const char *mode), (fd, mode), true)
UNPAIRED_OPEN_STREAM(process_stream, FILE *, popen, (const char *command, const char *mode), (command, mode),
                     false)
UNPAIRED_OPEN_STREAM(dir, DIR *, opendir, (const char *path), (path), false)
UNPAIRED_OPEN_STREAM(dir, DIR *, fdopendir, (int fd), (fd), true)

// The stream is closed and opened again under the same pointer; if that fails it is gone. freopen(3): path may be
// null, and then only the mode changes. Nothing is said of a stream we have not seen opened (stdin, stdout).
#define UNPAIRED_REOPEN(function)                                                                           \
    UNPAIRED_HOOK(FILE *, function, (const char *path, const char *mode, FILE *stream))                     \
    {                                                                                                       \
        const Caller caller = UNPAIRED_CALLER();                                                            \
        Thread *thread = enter(caller.sp);                                                                  \
        const bool known = thread != nullptr && index::find(UNPAIRED_SPACE_stream, handle_of(stream)) != 0; \
        if (!known)                                                                                         \
            return UNPAIRED_REAL(function)(path, mode, stream);                                             \
        Releasing releasing = begin_close(caller, UNPAIRED_FUNCTION_fclose, UNPAIRED_SPACE_stream, stream); \
        finish_release(releasing, caller, true, true, 0, 0);                                                \
        Acquiring acquiring = begin_acquire(caller);                                                        \
        FILE *ret = UNPAIRED_REAL(function)(path, mode, stream);                                            \
        finish_stream(                                                                                      \
            acquiring, caller,                                                                              \
            {UNPAIRED_FUNCTION_##function, UNPAIRED_FAMILY_stream, UNPAIRED_SPACE_stream, handle_of(ret)},  \
            ret, false);                                                                                    \
        return ret;                                                                                         \
    }
UNPAIRED_REOPEN(freopen)
UNPAIRED_REOPEN(freopen64)

// Gone whatever they return: fclose(3), pclose(3); closedir(3) fails only on what was none.
#define UNPAIRED_CLOSE_STREAM(space, type, function, succeeded)                                \
    UNPAIRED_HOOK(int, function, (type stream))                                                \
    {                                                                                          \
        const Caller caller = UNPAIRED_CALLER();                                               \
        Releasing releasing =                                                                  \
            begin_close(caller, UNPAIRED_FUNCTION_##function, UNPAIRED_SPACE_##space, stream); \
        const int ret = UNPAIRED_REAL(function)(stream);                                       \
        const int error = errno;                                                               \
        finish_release(releasing, caller, succeeded, true, ret, error);                        \
        return ret;                                                                            \
    }
UNPAIRED_CLOSE_STREAM(stream, FILE *, fclose, ret == 0)
UNPAIRED_CLOSE_STREAM(stream, FILE *, pclose, ret != -1)
UNPAIRED_CLOSE_STREAM(dir, DIR *, closedir, ret == 0)
