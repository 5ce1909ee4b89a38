#include "thread_number.h"

#include "program_memory.h"
#include "state.h"

#include <cerrno>

namespace unpaired {
namespace {

// glibc stores the thread's number in struct pthread (nptl/descr.h), to which pthread_t points: at x86-64's thread
// pointer, or before aarch64's. The kernel writes it there in a new thread and in a forked child
// (CLONE_PARENT_SETTID, CLONE_CHILD_SETTID). A search for the first thread's number finds the offset.
constexpr long searched = 2048;
long distance; ///< offset from the thread pointer; 0: not found

uint64_t thread_pointer_register()
{
#if defined(__x86_64__)
    constexpr long get_fs = 0x1003; // ARCH_GET_FS (arch_prctl(2)): %fs:0 may be another thread's, or unmapped
    uint64_t at = 0;
    return sys::call(SYS_arch_prctl, get_fs, sys::of(&at)) == 0 ? at : 0;
#else
    return sys::thread_pointer();
#endif
}

int number_at(uint64_t thread_pointer)
{
    return *reinterpret_cast<const volatile int *>(thread_pointer + static_cast<uint64_t>(distance));
}

bool copy(uint64_t from, void *to, size_t size) { return copy_from_program(from, to, size) == size; }

long distance_of_errno;

} // namespace

void learn_thread_numbers()
{
    distance_of_errno = static_cast<long>(sys::of(&errno) - static_cast<long>(sys::thread_pointer()));
    const int tid = sys::gettid();
    const uint64_t at = sys::thread_pointer();
#if defined(__x86_64__)
    constexpr long first = 0, last = searched;
#else
    constexpr long first = -searched, last = 0;
#endif
    long found = 0;
    unsigned matches = 0;
    int words[16];
    for (long offset = first; offset < last; offset += static_cast<long>(sizeof words)) {
        if (!copy(at + static_cast<uint64_t>(offset), words, sizeof words))
            continue; // beyond the C library's data
        for (long i = 0; i < 16; i++)
            if (words[i] == tid) {
                found = offset + i * static_cast<long>(sizeof tid);
                matches++;
            }
    }
    distance = matches == 1 ? found : 0;
}

int number_of_this_thread()
{
    static uint32_t invented;
    if (const int tid = sys::gettid(); tid > 0)
        return tid;
    if (distance != 0)
        if (const int tid = number_at(sys::thread_pointer()); tid > 0)
            return tid;
    return invented_thread_numbers + static_cast<int>(add(invented, 1u) % (1u << 29));
}

int number_of_this_process(int parent)
{
    if (const int pid = sys::getpid(); pid > 0)
        return pid;
    // In a child of clone(2) by number, this is a copy of the parent's number.
    const int tid = distance != 0 ? number_at(sys::thread_pointer()) : 0;
    return tid > 0 && tid != parent ? tid : 0;
}

int *errno_by_register()
{
    return reinterpret_cast<int *>(thread_pointer_register() + static_cast<uint64_t>(distance_of_errno));
}

bool has_storage_of(int tid)
{
    const uint64_t at = thread_pointer_register();
    int known = 0;
    return at != 0 && distance != 0 && copy(at + static_cast<uint64_t>(distance), &known, sizeof known) &&
           known == tid;
}

} // namespace unpaired
