#include "lifecycle.h"

#include "anomalies.h"
#include "careful.h"
#include "event_log.h"
#include "heap_index.h"
#include "hooks_heap.h"
#include "index.h"
#include "ledger.h"
#include "libc.h"
#include "mapping.h"
#include "modules.h"
#include "options.h"
#include "own_stack.h"
#include "path_memo.h"
#include "program_break.h"
#include "program_memory.h"
#include "reach_exit.h"
#include "real.h"
#include "recorder.h"
#include "seal.h"
#include "thread_number.h"
#include "walk.h"

#include "unpaired/owner_tag.h"

#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

namespace unpaired {
namespace {

void write_dictionary()
{
#define UNPAIRED_SPACE(space, kind)                                                                   \
    append(UNPAIRED_RECORD_SPACE,                                                                     \
           unpaired_record_space{UNPAIRED_SPACE_##space, UNPAIRED_KIND_##kind, sizeof #space - 1, 0}, \
           {#space, sizeof #space - 1});
#define UNPAIRED_FAMILY(family, space, display)                                                         \
    append(UNPAIRED_RECORD_FAMILY,                                                                      \
           unpaired_record_family{UNPAIRED_FAMILY_##family, UNPAIRED_SPACE_##space, sizeof #family - 1, \
                                  sizeof display - 1, 0},                                               \
           {#family, sizeof #family - 1}, {display, sizeof display - 1});
#define UNPAIRED_WRITE_FUNCTION(function, role, family, space)                                             \
    append(                                                                                                \
        UNPAIRED_RECORD_FUNCTION,                                                                          \
        unpaired_record_function{UNPAIRED_FUNCTION_##function, role, sizeof #function - 1, family, space}, \
        {#function, sizeof #function - 1});
#define UNPAIRED_EACH_ACQUIRER(family, function)                                       \
    UNPAIRED_WRITE_FUNCTION(function, UNPAIRED_ROLE_ACQUIRE, UNPAIRED_FAMILY_##family, \
                            UNPAIRED_SPACE_OF_##family)
#define UNPAIRED_EACH_RELEASER(space, function) \
    UNPAIRED_WRITE_FUNCTION(function, UNPAIRED_ROLE_RELEASE, 0, UNPAIRED_SPACE_##space)
#define UNPAIRED_EACH_OBSERVER(space, function) \
    UNPAIRED_WRITE_FUNCTION(function, UNPAIRED_ROLE_OBSERVE, 0, UNPAIRED_SPACE_##space)
#define UNPAIRED_EACH_LIFECYCLE(function) UNPAIRED_WRITE_FUNCTION(function, UNPAIRED_ROLE_LIFECYCLE, 0, 0)
#include "unpaired/resources/table.def"
}

void write_limit(unsigned space, const char *name, uint64_t value)
{
    unpaired_record_limit record{};
    record.image = own_image();
    record.space = static_cast<uint16_t>(space);
    record.name_len = static_cast<uint16_t>(strlen(name));
    record.value = value;
    append(UNPAIRED_RECORD_LIMIT, record, {name, record.name_len});
}

uint64_t limit_of_descriptors; // as last written

void write_limits()
{
    record_descriptor_limit();
    write_limit(UNPAIRED_SPACE_fd, "FD_SETSIZE",
                1024); // select(2): a descriptor from here on overruns an fd_set
}

/// The function of --cycle by its name; 0 if there is none, or none that acquires or releases anything.
unsigned find_cycle_function(const char *name)
{
    if (name[0] == '\0')
        return 0;
    for (unsigned function = 1; function < function_end; function++)
        if (strcmp(real::name_of(function), name) == 0 && (acquires[function] || releases[function])) {
            write_note(UNPAIRED_NOTE_CYCLE_FUNCTION, name);
            return function;
        }
    write_note(UNPAIRED_NOTE_NO_CYCLE_FUNCTION, name);
    return 0;
}

const unpaired_rules_header *map_rules(const char *path)
{
    if (path[0] == '\0')
        return nullptr;
    const long fd = sys::call(SYS_openat, AT_FDCWD, sys::of(path), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return nullptr;
    const long size = sys::call(SYS_lseek, fd, 0, SEEK_END);
    const unpaired_rules_header *rules = nullptr;
    if (size >= static_cast<long>(sizeof *rules)) {
        const long at = sys::call(SYS_mmap, 0, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (at > 0)
            rules = reinterpret_cast<const unpaired_rules_header *>(at);
    }
    sys::call(SYS_close, fd);
    if (rules == nullptr)
        return nullptr;
    const uint64_t needed = sizeof *rules + uint64_t{rules->n_modules} * sizeof(unpaired_rules_module) +
                            uint64_t{rules->n_ranges} * sizeof(unpaired_rules_range) +
                            uint64_t{rules->n_patterns} * sizeof(unpaired_rules_pattern);
    if (memcmp(rules->magic, UNPAIRED_RULES_MAGIC, sizeof rules->magic) != 0 ||
        needed > static_cast<uint64_t>(size))
        return nullptr;
    return rules;
}

bool read_comm(char *name) { return sys::call(SYS_prctl, PR_GET_NAME, sys::of(name)) == 0; }

unsigned foreign_function; // a function of the heap that the program itself defines; 0: none

void note_foreign_allocator()
{
    if (foreign_function != 0)
        write_note(process.heap_untouched ? UNPAIRED_NOTE_FOREIGN_ALLOCATOR : UNPAIRED_NOTE_FOREIGN_NEW,
                   real::name_of(foreign_function));
}

/// A program that brings its own allocator keeps it, whole: half-hooked allocators crash.
void respect_foreign_allocator()
{
    for (const unsigned function : heap_functions)
        if (foreign_function == 0 && real::defined_elsewhere(function)) {
            process.heap_untouched = process.new_untouched = true;
            foreign_function = function;
        }
    for (const unsigned function : operator_functions)
        if (foreign_function == 0 && real::defined_elsewhere(function)) {
            process.new_untouched = true;
            foreign_function = function;
        }
    note_foreign_allocator();
}

uint32_t *make_witness()
{
    auto *page = static_cast<uint32_t *>(sys::anonymous(4096));
    if (page == nullptr || sys::call(SYS_madvise, sys::of(page), 4096, MADV_WIPEONFORK) != 0)
        return nullptr;
    *page = 1;
    return page;
}

} // namespace

int seccomp_mode() { return static_cast<int>(sys::call(SYS_prctl, PR_GET_SECCOMP)); }

void write_note(unpaired_note note, const char *text)
{
    unpaired_record_note record{};
    record.image = own_image();
    record.note = static_cast<uint16_t>(note);
    record.text_len = static_cast<uint16_t>(strlen(text));
    append(UNPAIRED_RECORD_NOTE, record, {text, record.text_len});
}

void allow_plain_heap()
{
    process.plain_heap = process.libc_heap && !process.heap_untouched && !process.heap_by_address &&
                         process.cycle_function == 0;
}

bool start_recording()
{
    Phase phase = Phase::unknown, starting = Phase::starting;
    if (process.phase == Phase::off || (process.phase == Phase::starting))
        return false;
    Options options;
    if (!read_options(options))
        return false;
    if (!__atomic_compare_exchange(&process.phase, &phase, &starting, false, __ATOMIC_ACQ_REL,
                                   __ATOMIC_RELAXED))
        return phase == Phase::recording;
    real::find_all();
    if (options.output == nullptr || (fork_witness = make_witness()) == nullptr ||
        !map_trace(options.output, options.max_trace)) {
        store(process.phase, Phase::off, __ATOMIC_RELEASE);
        return false;
    }
    process.pid = sys::getpid();
    learn_thread_numbers();
    process.parent_pid = static_cast<int>(sys::call(SYS_getppid));
    if (void *const *end = libc::functions().stack_end; end != nullptr)
        process.stack_end = reinterpret_cast<uint64_t>(*end);
    process.locks = options.locks;
    process.reachability = options.reachability;
    process.frame_pointers = options.frame_pointers;
    process.every_event = options.every_event && prepare_event_log();
    process.filter = seccomp_mode();
    process.names = 1;
    read_comm(process.comm);
    announce_image();
    write_dictionary();
    update_modules();
    write_limits();
    process.cycle_function = find_cycle_function(options.cycle);
    process.rules = map_rules(options.rules);
    respect_foreign_allocator();
    const ModuleView *provider =
        module_at(reinterpret_cast<uint64_t>(real::address(UNPAIRED_FUNCTION_malloc)));
    process.libc_heap = provider != nullptr && provider->libc;
    process.heap_by_address = !process.libc_heap;
    if (process.libc_heap)
        program_break::find();
    allow_plain_heap();
    store(process.phase, Phase::recording, __ATOMIC_RELEASE);
    return true;
}

void announce_image()
{
    if (UNPAIRED_LIKELY(process.announced))
        return;
    process.announced = true;
    const uint32_t image = add(process.file->next_image, 1u);
    if (image > UINT16_MAX) { // a server that forked so many recording children: this one goes unrecorded
        store(process.full, 1u);
        return;
    }
    process.image = static_cast<uint16_t>(image);
    static char path[4096];
    static char command[4096];
    static long path_size; // a forked child runs its parent's program
    long command_size = 0;
    if (!process.forked) {
        path_size =
            sys::call(SYS_readlinkat, AT_FDCWD, sys::of("/proc/self/exe"), sys::of(path), sizeof path - 1);
        const long fd = sys::call(SYS_openat, AT_FDCWD, sys::of("/proc/self/cmdline"), O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            command_size = sys::call(SYS_read, fd, sys::of(command), sizeof command);
            sys::call(SYS_close, fd);
        }
    }
    unpaired_record_image record{};
    record.image = process.image;
    record.parent_image = process.parent_image;
    record.pid = static_cast<uint32_t>(process.pid);
    record.parent_pid = static_cast<uint32_t>(process.parent_pid);
    record.time_ms = now_ms();
    record.flags = process.forked ? UNPAIRED_IMAGE_FORKED : 0;
    record.program_len = static_cast<uint16_t>(path_size > 0 ? path_size : 0);
    record.command_len = static_cast<uint16_t>(command_size > 0 ? command_size : 0);
    record.cycle = load(process.file->cycle);
    append(UNPAIRED_RECORD_IMAGE, record, {path, record.program_len}, {command, record.command_len});
    if (process.forked)
        note_foreign_allocator();
}

void become_child()
{
    // Only the thread that forked exists here; of the parent's memory everything may be read and nothing in the
    // trace may be changed. Locks another thread held are opened; private tables that stay right are kept.
    if (process.announced)
        process.parent_image =
            process.image; // else an ancestor's, the nearest that has something in the file
    process.parent_pid = process.pid;
    forget_care();
    store(sys::calls_under_way, 0u); // their threads do not exist in the child
    process.pid = number_of_this_process(process.pid);
    process.image = 0; // given when it is announced
    process.forked = true;
    process.announced = false;
    process.seal_recorded = false;
    process.log = nullptr;
    forget_threads_of_parent();
    index::forget();
    heap_index::forget();
    forget_anomalies_of_parent();
    forget_site_numbers_of_parent();
    release_module_lock();
    release_unwind_lock();
    release_path_lock();
    release_own_stacks();
    store(sys::calls_under_way, 0u); // those of the parent's other threads
    const Thread *before = self;
    const uint32_t scope = before != nullptr ? before->scope_owner : 0;
    self = attach_thread();
    if (self != nullptr) {
        self->scope_owner = scope;
        read_thread_name(*self);
    }
    store(*fork_witness, 1u, __ATOMIC_RELEASE);
}

void read_thread_name(Thread &thread)
{
    char name[16] = {};
    thread.names_seen = load(process.names);
    if (!read_comm(name) && thread.named) // sealed: the thread keeps the name that was read before
        return;
    if (thread.named && memcmp(thread.name, name, sizeof name) == 0)
        return;
    memcpy(thread.name, name, sizeof name);
    thread.thread_owner =
        name[0] != '\0' && memcmp(name, process.comm, sizeof name) != 0 ? unpaired_owner_from_name(name) : 0;
    if (process.forked && !process.announced)
        return; // it may never have anything to say; then this would be all
    thread.named = true;
    unpaired_record_thread record{};
    record.thread = thread.id;
    record.tid = thread.tid < invented_thread_numbers ? static_cast<uint32_t>(thread.tid) : 0;
    record.image = own_image();
    record.time_ms = now_ms();
    memcpy(record.name, name, sizeof name);
    append(UNPAIRED_RECORD_THREAD, record);
}

namespace {

/// The limit as it is now, UINT64_MAX if it cannot be asked for; written if it has changed.
uint64_t look_at_descriptor_limit()
{
    rlimit64 files{};
    if (sys::call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, sys::of(&files)) != 0)
        return UINT64_MAX;
    if (__atomic_exchange_n(&limit_of_descriptors, files.rlim_cur, __ATOMIC_RELAXED) != files.rlim_cur)
        write_limit(UNPAIRED_SPACE_fd, "RLIMIT_NOFILE", files.rlim_cur);
    return files.rlim_cur;
}

} // namespace

void record_descriptor_limit() { look_at_descriptor_limit(); }

void record_descriptors()
{
    constexpr unsigned batch = 512, most = 1u << 16;
    const uint64_t limit = look_at_descriptor_limit(), end = limit < most ? limit : most;
    const uint32_t time = now_ms();
    for (unsigned first = 0; first < end; first += batch) {
        pollfd asked[batch];
        const unsigned n = end - first < batch ? static_cast<unsigned>(end - first) : batch;
        for (unsigned i = 0; i < n; i++)
            asked[i] = {static_cast<int>(first + i), 0, 0};
        const timespec at_once{0, 0};
        if (sys::call(SYS_ppoll, sys::of(asked), n, sys::of(&at_once), 0, 0) < 0)
            return;
        uint64_t bits[batch / 64] = {};
        bool any = false;
        for (unsigned i = 0; i < n; i++)
            if ((asked[i].revents & POLLNVAL) == 0) {
                bits[i / 64] |= uint64_t{1} << (i % 64);
                any = true;
            }
        if (!any && first != 0)
            continue;
        unpaired_record_descriptors record{};
        record.image = own_image();
        record.n_words = batch / 64;
        record.time_ms = time;
        record.cycle = load(process.file->cycle);
        record.first = first;
        append(UNPAIRED_RECORD_DESCRIPTORS, record, {bits, sizeof bits});
    }
}

namespace {

struct End {
    uint64_t sp; ///< lower bound of the program's own data on this thread's stack
    const char *program;
    Ending ending;
    int status;
};

void record_end_of(void *argument)
{
    const End &end = *static_cast<const End *>(argument);
    // A filter of the program may kill for a system call that the program itself never makes. seccomp_mode() finds a
    // filter that no hook has seen.
    const bool sealed = sys::sealed() || seccomp_mode() != process.filter;
    if (sealed)
        record_seal();
    unpaired_record_end record{};
    // Read the clock before the table of descriptors: a table that is older than END may not be the final one.
    record.time_ms = now_ms();
    if (!sealed) {
        record_ended_threads();
        record_descriptors();
    }
    record.image = own_image();
    record.kind = end.ending == Ending::exit ? UNPAIRED_END_EXIT : UNPAIRED_END_EXEC;
    record.status = end.status;
    record.text_len = static_cast<uint16_t>(end.program != nullptr ? length_of_text(end.program, 4096) : 0);
    append(UNPAIRED_RECORD_END, record, {end.program, record.text_len});
    if (!sealed && end.ending == Ending::exit && process.reachability && sys::getpid() == process.pid)
        look_who_holds(end.sp);
}

} // namespace

__attribute__((noinline)) void record_end(Ending ending, int status, const char *program)
{
    // Callee-saved registers may hold pointers of the program: this stores them on the stack. The frames below are
    // the recorder's own, and their unused parts may still hold older pointers of the program.
    __builtin_unwind_init();
    if (!is_recording() || (process.forked && !process.announced))
        return;
#if defined(__x86_64__)
    // r15, r14, r13, r12 and rbx are pushed below rbp, in one order or another
    End end{stack_pointer() - 5 * sizeof(uint64_t), program, ending, status};
#elif defined(__aarch64__)
    End end{0, program, ending, status};
    __asm__ volatile("mov %0, sp" : "=r"(end.sp));
#endif
    // The table of descriptors and the search of memory need about 16 KiB of stack.
    if (seccomp_mode() != process.filter || has_room_below(end.sp) || !call_on_own_stack(record_end_of, &end))
        record_end_of(&end);
    __asm__ volatile("" ::: "memory"); // no tail call: this frame is the one to begin with
}

namespace {

__attribute__((destructor)) void at_exit()
{
    if (!is_recording())
        return;
    const KeepErrno keep;
    if (const Thread *thread = enter(stack_pointer()); thread != nullptr && !is_other_process(*thread))
        record_end(Ending::exit, -1, nullptr);
}

/// Not to have the start depend on the program's first acquisition.
__attribute__((constructor)) void at_start()
{
    const KeepErrno keep;
    enter(stack_pointer());
}

} // namespace
} // namespace unpaired
