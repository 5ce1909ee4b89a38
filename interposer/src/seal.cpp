#include "seal.h"

#include "exec_target.h"
#include "filter_verdict.h"
#include "lifecycle.h"
#include "mapping.h"
#include "real.h"

#include <sys/mman.h>
#include <sys/resource.h>

namespace unpaired {
namespace {

constexpr size_t most_memory = 16u << 20, least_memory = 256u << 10, memory_unit = 64;
constexpr uint64_t ready_bytes = 16u << 20; // of the trace, if address space is limited

// Bump allocation. A forked child inherits the rest as its own copy.
uint8_t *memory;
size_t memory_size, memory_used;

void put_memory_aside()
{
    if (load(memory) != nullptr && memory_size - load(memory_used) > memory_size / 2)
        return;
    size_t most = most_memory;
    rlimit64 limit{};
    if (sys::call(SYS_prlimit64, 0, RLIMIT_AS, 0, sys::of(&limit)) == 0 &&
        limit.rlim_cur != RLIM64_INFINITY) {
        // The program needs the limited address space, and the recorder cannot unmap any later.
        give_back_address_space(ready_bytes < limit.rlim_cur / 8 ? ready_bytes : limit.rlim_cur / 8);
        while (most > least_memory && most > limit.rlim_cur / 64)
            most /= 2;
    }
    for (size_t bytes = most; bytes >= least_memory; bytes /= 2) {
        const long at = sys::call(SYS_mmap, 0, static_cast<long>(bytes), PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (at < 0 && at > -4096)
            continue;
        memory_size = bytes;
        store(memory_used, size_t{0});
        store(memory, reinterpret_cast<uint8_t *>(at), __ATOMIC_RELEASE);
        return;
    }
}

/// Grows the heap now, up to the size that the C library keeps (M_TOP_PAD, mallopt(3)): each block takes 24
/// bytes more than the program expects, and the filter may forbid growth later. Does nothing if another thread may
/// hold the heap's lock: in a process with several threads, and in a forked child.
void grow_heap()
{
    constexpr size_t most_kept = 120u << 10;
    if (!process.libc_heap || process.heap_untouched || process.forked || load(process.next_shard) != 1)
        return;
    const auto take = reinterpret_cast<void *(*)(size_t)>(real::address(UNPAIRED_FUNCTION_malloc));
    const auto give = reinterpret_cast<void (*)(void *)>(real::address(UNPAIRED_FUNCTION_free));
    give(take(most_kept));
}

/// Waits until no thread of this process is inside a system call of the recorder. All these calls end by themselves,
/// except one that was interrupted by the signal handler that installs the filter, so the wait is limited.
void wait_for_own_calls()
{
    constexpr unsigned most_waits = 1000;
    for (unsigned i = 0; i < most_waits && load(sys::calls_under_way, __ATOMIC_SEQ_CST) != 0; i++)
        sys::of_program(SYS_sched_yield);
}

} // namespace

void seal()
{
    if (!sys::sealed() && is_recording()) {
        record_descriptor_limit();
        grow_heap();
        put_memory_aside();
        keep_trace_ready();
    }
    if (__atomic_fetch_add(&sys::seals, 1u, __ATOMIC_SEQ_CST) == 0)
        wait_for_own_calls();
}

void take_back_seal() { __atomic_fetch_sub(&sys::seals, 1u, __ATOMIC_SEQ_CST); }

void record_seal()
{
    if (process.seal_recorded)
        return;
    process.seal_recorded = true;
    write_note(UNPAIRED_NOTE_SEALED, "");
}

void note_filter(const Thread *thread, const void *program)
{
    if (program == nullptr || lets_recorder_live(program))
        return;
    process.filter_kills_recorder = true;
    if (thread != nullptr && !in_other_process(*thread))
        take_recorder_out_of_environment();
}

bool filter_kills_recorder() { return sys::sealed() && process.filter_kills_recorder; }

void *memory_put_aside(size_t bytes)
{
    bytes = (bytes + memory_unit - 1) / memory_unit * memory_unit;
    uint8_t *from = load(memory, __ATOMIC_ACQUIRE);
    size_t used = load(memory_used);
    do
        if (from == nullptr || bytes > memory_size - used)
            return nullptr;
    while (!__atomic_compare_exchange_n(&memory_used, &used, used + bytes, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED));
    return from + used;
}

} // namespace unpaired
