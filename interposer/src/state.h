// What the recorder knows: one Process for the image, one Thread for each thread. Everything is private memory of
// the target but the mapped trace; nothing is allocated with malloc; zero is a valid initial state, so there are
// no constructors.
#pragma once

#include "last_stack.h"
#include "sys.h"
#include "table.h"

#include "unpaired/owner_rules.h"
#include "unpaired/trace_format.h"

namespace unpaired {

#define UNPAIRED_LIKELY(x) __builtin_expect(!!(x), 1)
#define UNPAIRED_UNLIKELY(x) __builtin_expect(!!(x), 0)

template <class T> T load(const T &word, int order = __ATOMIC_RELAXED)
{
    T value;
    __atomic_load(&word, &value, order); // the generic forms: clang's others take no enum
    return value;
}
template <class T> void store(T &word, T value, int order = __ATOMIC_RELAXED)
{
    __atomic_store(&word, &value, order);
}
template <class T> T add(T &word, T value) { return __atomic_fetch_add(&word, value, __ATOMIC_RELAXED); }

/// Registers of the frame that called a hook; enough to walk on from there.
struct Caller {
    uint64_t pc; ///< the hook's return address
    uint64_t sp; ///< stack pointer after the return
    uint64_t bp; ///< frame pointer register as the caller has it
};
/// Must stand in the hook's own body: the frame address makes the compiler keep a frame pointer there.
#if defined(__x86_64__)
#define UNPAIRED_CALLER()                                                            \
    (::unpaired::Caller{reinterpret_cast<uint64_t>(__builtin_return_address(0)),     \
                        reinterpret_cast<uint64_t>(__builtin_frame_address(0)) + 16, \
                        *static_cast<uint64_t *>(__builtin_frame_address(0))})
#else
#define UNPAIRED_CALLER()                                                        \
    (::unpaired::Caller{reinterpret_cast<uint64_t>(__builtin_return_address(0)), \
                        reinterpret_cast<uint64_t>(__builtin_dwarf_cfa()),       \
                        *static_cast<uint64_t *>(__builtin_frame_address(0))})
#endif

/// How many retired slots a thread keeps before it reuses the oldest: as long as they stay, a second release
/// can show the stack of the first (HOT_PATH: no visible cost at 64 to 1,024).
inline constexpr unsigned retired_kept = 256;
/// Of a thread's cache of sites: every thread's, and that of a few threads that have met very many.
inline constexpr unsigned site_cache_size = 512, large_site_cache_size = 8192;

struct SiteCacheEntry {
    uint64_t key;
    uint32_t site, owner;
};

/// A directory of counter blocks by site number, two levels.
inline constexpr unsigned counter_leaf = 64;  ///< blocks per leaf
inline constexpr unsigned counter_root = 512; ///< leaves: 512 × 64 × 32 sites ≈ 1 M
struct CounterLeaf {
    unpaired_counter_block *block[counter_leaf];
};

/// What encloses the current code: an acquirer or releaser whose real call is under way in this thread. Kept here,
/// not on the stack: a cancellation, exception or longjmp may leave the real call without coming back, and then
/// the frame is gone; `enclosed()` recognises that.
enum class Enclosure : uint8_t {
    none = 0,
    parts,       ///< acquisitions inside are parts of the outer one
    own_parts,   ///< ... only those made by the C library itself (dlopen runs constructors)
    transparent, ///< heap calls inside are the outer one's own (operator new calling malloc)
};
struct Enclosing {
    uint64_t sp;       ///< stack pointer of the hook's caller
    uint64_t pc;       ///< the hook's return address, which lies at sp − 8
    uint32_t slot;     ///< of the outer acquisition; 0 until an inner one needs it
    uint32_t sequence; ///< the sequence it will be published with
    Enclosure mode;
};

/// Where a thread's events go (event_log.h). All zero: it has no extent yet.
struct EventLog {
    uint64_t at;      ///< acquisitions logged so far << 32 | offset of the next event; moved by one store
    uint8_t *events;  ///< of the extent
    uint32_t room;    ///< bytes from there to its end
    uint32_t pages;   ///< of the extent
    uint32_t number;  ///< of the next extent
    uint32_t time_ms; ///< of the last event
    uint32_t base_ms; ///< of the extent
};

/// The extent to which a thread that runs in the recorded process's memory belongs to another process.
enum class Apart : uint8_t {
    no = 0,
    process, ///< clone(2) with CLONE_VM and CLONE_FILES: exec and exit do not affect the recorded process
    process_and_descriptors ///< vfork(2), or CLONE_VM alone: neither do its descriptors
};

/// A call of vfork(2) whose child has not ended yet.
struct VforkCall {
    uint64_t sp, pc; ///< of the caller: address and value of the return address
    int pid;         ///< the caller's; −1 while the program filters its system calls
    Apart apart;     ///< the parent's state
};
inline constexpr unsigned most_vforks = 4; ///< a child may call vfork itself

struct Thread {
    int tid;          ///< 0: free to be taken
    uint32_t id;      ///< as slots and THREAD records know it
    uint16_t shard;   ///< this state's number in the image
    int *errno_at;    ///< the thread's errno, so that keeping it is no call
    uint64_t busy_sp; ///< the recorder is at work for this thread, called from here; 0: it is not
    uint64_t busy_pc; ///< the return address of the hook at work
    Enclosing enclosing;
    uint32_t scope_owner;  ///< declared by UNPAIRED_OWNER_SCOPE; 0: none
    uint32_t thread_owner; ///< from the thread's name, if it has one of its own
    uint32_t names_seen;   ///< process.names when the name was read
    char name[16];
    bool named;              ///< a THREAD record has been written
    bool foreign;            ///< runs without thread-local storage of its own (careful.h)
    int errno_of_foreign;    ///< target of errno_at if `foreign`
    uint32_t seals_of_child; ///< number of sys::seals by a vfork child, which end with the child
    Apart apart;
    uint8_t vforks; ///< number of elements of `vfork` in use
    VforkCall vfork[most_vforks];
    uint8_t *exec_scratch; ///< for exec_target.h
    size_t exec_scratch_size;
    uint32_t held; ///< chain of slots: locks that this thread holds, youngest first
    uint32_t free_slots;
    uint32_t slots_pages; ///< of all its SLOTS extents
    uint32_t retired_at;
    uint32_t retired[retired_kept];
    LastStack last_stack;
    uint8_t packed_stack[UNPAIRED_MAX_DEPTH * UNPAIRED_PACKED_ADDRESS]; ///< of a SITE_PACKED being made
    SiteCacheEntry *site_cache;                                         ///< first_site_cache, or a larger one
    uint32_t site_cache_mask; ///< its size − 2: a key may stand in either of two places
    uint32_t site_cache_misses;
    SiteCacheEntry first_site_cache[site_cache_size];
    CounterLeaf *counters[counter_root];
    unpaired_extent *counter_extent; ///< COUNTERS extent with room, or nullptr
    uint32_t counter_blocks_left;
    uint8_t *arena; ///< private memory for counter leaves
    uint32_t arena_left;
    Thread *for_signals; ///< stands in while busy_sp is set: a signal handler interrupted the recorder
    Thread *next;        ///< process.threads
    EventLog events;
    alignas(64) uint32_t retired_elsewhere; ///< chain of this thread's slots that others retired
};

/// carefully: recording, while some code may run in this memory with thread-local storage that is not its own
/// (careful.h).
enum class Phase : uint32_t { unknown = 0, starting, recording, carefully, off };

struct Process {
    Phase phase;
    int pid;
    uint16_t image, parent_image;
    int parent_pid;
    bool forked;
    uint64_t stack_end; ///< where the first thread's stack began
    bool announced; ///< the IMAGE record is written; a forked child puts it off until it has something to say
    bool locks;     ///< --locks=on
    bool reachability;   ///< --reachability=on
    bool frame_pointers; ///< --walk=frame-pointers
    bool every_event;    ///< --every-event
    int filter; ///< the kernel's mode of filtering our system calls, when recording began (seccomp(2))
    bool filter_kills_recorder;      ///< for the filters installed so far; valid if sys::sealed()
    bool seal_recorded;              ///< a note of the program's filter has been recorded
    uint32_t first_writable_page;    ///< of the pages that this process may use while sys::sealed()
    uint32_t writable_page;          ///< end of these pages
    unsigned cycle_function;         ///< --cycle: each call of it begins a cycle; 0: the program's marks do
    bool heap_untouched;             ///< the program brings its own malloc
    bool new_untouched;              ///< ... its own operator new
    bool libc_heap;                  ///< malloc is the C library's own: it calls no hook
    bool heap_by_address;            ///< blocks of malloc get no tag and are found by their address
    bool foreign_shares_descriptors; ///< the last clone(2) with CLONE_VM had CLONE_FILES
    bool plain_heap; ///< recording, malloc and its kin are the C library's, and no call begins a cycle
    bool ever_stopped;
    bool no_populate; ///< the kernel lacks MADV_POPULATE_WRITE; the file was allocated at the start
    unpaired_file_header *file;
    uint8_t *base;
    uint64_t capacity;
    unpaired_extent *log;
    uint32_t log_pages;
    uint32_t next_shard; ///< private: shards are numbered within the image
    Thread *threads;     ///< all states ever made, by CAS
    uint32_t thread_cursor;
    uint32_t names; ///< counted up when some thread was renamed by another
    char comm[16];  ///< name of the main thread at the start
    const unpaired_rules_header *rules;
    uint32_t last_slots_page; ///< newest SLOTS extent of this image; each knows the one before
    uint32_t full;            ///< recording stopped for want of room
};

extern Process process;
inline bool is_recording() { return process.phase == Phase::recording || process.phase == Phase::carefully; }
/// One word that the kernel zeroes in a forked child (MADV_WIPEONFORK), whichever way it was forked.
extern uint32_t *fork_witness;

/// Milliseconds since the trace was made, to the kernel's tick (CLOCK_MONOTONIC_COARSE: vDSO, no system call).
uint32_t now_ms();

inline unpaired_slot *slot_at(uint32_t reference)
{
    return reinterpret_cast<unpaired_slot *>(process.base + uint64_t{reference} * sizeof(unpaired_slot));
}
inline uint32_t reference_of(const unpaired_slot *slot)
{
    return static_cast<uint32_t>((reinterpret_cast<const uint8_t *>(slot) - process.base) /
                                 sizeof(unpaired_slot));
}
inline void count_drop(unpaired_drop reason, uint64_t n = 1)
{
    if (process.file != nullptr)
        add(process.file->drops[reason], n);
}

inline uint64_t mix(uint64_t h, uint64_t value)
{
    h = (h ^ value) * 0x9e3779b97f4a7c15ull;
    return h ^ (h >> 32);
}

inline uint64_t stack_pointer() { return reinterpret_cast<uint64_t>(__builtin_frame_address(0)); }

} // namespace unpaired
