// The mapped file. It is sparse and as large as it may ever become; what is not in use is PROT_NONE, so that
// mlockall(2) does not fill it. Room is reserved with MADV_POPULATE_WRITE, which tells of a full disk by an error
// where a store would raise SIGBUS.
#include "mapping.h"

#include "address_space.h"
#include "clock.h"
#include "libc.h"
#include "lifecycle.h"
#include "seal.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace unpaired {

Process process;
uint32_t *fork_witness;

void *sys::anonymous(size_t bytes)
{
    if (sealed())
        return memory_put_aside(bytes);
    const auto map = [bytes] {
        return call(SYS_mmap, 0, static_cast<long>(bytes), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    };
    long at = map();
    if (at == -ENOMEM && give_way(bytes))
        at = map();
    return at < 0 && at > -4096 ? nullptr : reinterpret_cast<void *>(at);
}

uint32_t now_ms()
{
    return static_cast<uint32_t>(clock_ms(CLOCK_MONOTONIC_COARSE) - process.file->started_monotonic_ms);
}

namespace {

constexpr uint64_t smallest_capacity = 256 * 1024;
constexpr uint64_t allocated_without_populate = 64u << 20;
constexpr uint32_t largest_log_pages = 16;
// Limits for processes that filter their system calls: pages with reserved blocks on the disk; the same number if the
// disk's free space is not known; pages that such a process may use of those that other processes of the trace
// reserve later.
constexpr uint32_t ready_pages = (16u << 20) / UNPAIRED_TRACE_PAGE, least_ready_pages = ready_pages / 64,
                   writable_pages = 4 * ready_pages;

bool same_file(const char *a, const char *b)
{
    struct statx of_a, of_b;
    const auto look = [](const char *path, struct statx &found) {
        return sys::call(SYS_statx, AT_FDCWD, sys::of(path), 0, STATX_INO, sys::of(&found)) == 0;
    };
    return look(a, of_a) && look(b, of_b) && of_a.stx_ino == of_b.stx_ino &&
           of_a.stx_dev_major == of_b.stx_dev_major && of_a.stx_dev_minor == of_b.stx_dev_minor;
}

/// The program's name as it was started, which may be a link's; for a script its interpreter's.
void name_of_program(char *name, size_t room)
{
    constexpr const char *executable = "/proc/self/exe";
    char target[1024];
    const char *path = reinterpret_cast<const char *>(libc::functions().getauxval(AT_EXECFN));
    if (path == nullptr || !same_file(path, executable)) {
        const long length =
            sys::call(SYS_readlinkat, AT_FDCWD, sys::of(executable), sys::of(target), sizeof target - 1);
        target[length > 0 ? length : 0] = '\0';
        path = target;
    }
    const char *slash = strrchr(path, '/');
    const char *base = slash != nullptr ? slash + 1 : path;
    if (*base == '\0')
        base = "program";
    const size_t length = strnlen(base, room - 1);
    memcpy(name, base, length);
    name[length] = '\0';
}

/// `pattern` with %p and %e put in; false when it does not fit.
bool expand_path(const char *pattern, char *path, size_t room)
{
    size_t n = 0;
    for (const char *p = pattern; *p != '\0'; p++) {
        char text[256];
        const char *insert = text;
        if (p[0] == '%' && p[1] == 'p') {
            char *end = text + sizeof text - 1;
            *end = '\0';
            unsigned pid = static_cast<unsigned>(sys::getpid());
            do
                *--end = static_cast<char>('0' + pid % 10);
            while ((pid /= 10) != 0);
            insert = end;
            p++;
        } else if (p[0] == '%' && p[1] == 'e') {
            name_of_program(text, sizeof text);
            p++;
        } else {
            text[0] = *p;
            text[1] = '\0';
        }
        const size_t length = strlen(insert);
        if (n + length + 8 >= room)
            return false;
        memcpy(path + n, insert, length);
        n += length;
    }
    path[n] = '\0';
    return n > 0;
}

constexpr size_t longest_path = 4080, longest_name = 4096;
char name_of_trace[longest_name];

/// Opens a new file and writes its name to `name`: if `path` exists, "x.trace" becomes "x.2.trace", and so on to 999.
/// Returns the descriptor, or −errno.
long open_new(const char *path, char (&name)[longest_name])
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash != nullptr ? slash : path, '.');
    const size_t stem = dot != nullptr && dot != slash + 1 ? static_cast<size_t>(dot - path) : strlen(path);
    for (unsigned attempt = 1; attempt < 1000; attempt++) {
        size_t n = stem;
        memcpy(name, path, stem);
        if (attempt > 1) {
            char digits[4];
            unsigned count = 0;
            for (unsigned k = attempt; k != 0; k /= 10)
                digits[count++] = static_cast<char>('0' + k % 10);
            name[n++] = '.';
            while (count != 0)
                name[n++] = digits[--count];
        }
        strcpy(name + n, path + stem);
        const long fd =
            sys::call(SYS_openat, AT_FDCWD, sys::of(name), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd != -EEXIST)
            return fd;
    }
    return -EEXIST;
}

uint64_t capped(uint64_t bytes, int resource, unsigned divisor)
{
    rlimit64 limit{};
    if (sys::call(SYS_prlimit64, 0, resource, 0, sys::of(&limit)) == 0 && limit.rlim_cur != RLIM64_INFINITY &&
        limit.rlim_cur / divisor < bytes)
        return limit.rlim_cur / divisor;
    return bytes;
}

/// Makes a piece of the mapping usable. Returns 0, or −errno if disk or address space is used up.
long open_pages(uint64_t offset, uint64_t bytes)
{
    const long at = sys::of(process.base + offset);
    long result = sys::call(SYS_mprotect, at, static_cast<long>(bytes), PROT_READ | PROT_WRITE);
    if (result != 0 || process.no_populate)
        return result;
    result = sys::call(SYS_madvise, at, static_cast<long>(bytes), MADV_POPULATE_WRITE);
    if (result != 0)
        sys::call(SYS_mprotect, at, static_cast<long>(bytes), PROT_NONE);
    return result;
}

/// Takes `pages` pages of the file. Returns the first, or 0 if the file is full. While the program filters its system
/// calls, takes only pages that keep_trace_ready() has made usable in this process.
uint64_t take_pages(uint32_t pages)
{
    const uint64_t limit = load(process.capacity) / UNPAIRED_TRACE_PAGE;
    if (!sys::sealed()) {
        uint64_t first = load(process.file->next_page);
        if (first + pages <= limit)
            first = add(process.file->next_page, pages);
        return first + pages <= limit &&
                       open_pages(first * UNPAIRED_TRACE_PAGE, uint64_t{pages} * UNPAIRED_TRACE_PAGE) == 0
                   ? first
                   : 0;
    }
    const uint32_t on_disk = load(process.file->ready_page), writable = process.writable_page;
    const uint64_t end = on_disk < writable ? on_disk : writable;
    uint32_t first = load(process.file->next_page);
    do
        if (first < process.first_writable_page || first + uint64_t{pages} > end)
            return 0;
    while (!__atomic_compare_exchange_n(&process.file->next_page, &first, first + pages, true,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return first;
}

/// Returns at most an eighth of the disk's free space: the rest is for the program.
uint32_t pages_to_keep_ready()
{
    struct statfs disk {};
    if (sys::call(SYS_statfs, sys::of(name_of_trace), sys::of(&disk)) != 0)
        return least_ready_pages;
    const uint64_t left = disk.f_bavail * static_cast<uint64_t>(disk.f_bsize) / 8 / UNPAIRED_TRACE_PAGE;
    return left < ready_pages ? static_cast<uint32_t>(left) : ready_pages;
}

/// Reserves blocks of the disk for `pages` pages after the last one in use, for processes that filter their system
/// calls. Every process of the trace takes from them, and the processes without a filter refill them.
void fill_ready_pages(uint32_t pages)
{
    const uint64_t limit = load(process.capacity) / UNPAIRED_TRACE_PAGE;
    const uint32_t next = load(process.file->next_page), ready = load(process.file->ready_page);
    const uint32_t from = ready > next ? ready : next;
    uint64_t end = uint64_t{next} + pages;
    end = end < limit ? end : limit;
    if (end <= from)
        return;
    // Other threads and processes may take these pages meanwhile, so a failure must not free any page.
    const long at = sys::of(process.base + uint64_t{from} * UNPAIRED_TRACE_PAGE);
    const auto bytes = static_cast<long>((end - from) * UNPAIRED_TRACE_PAGE);
    if (sys::call(SYS_mprotect, at, bytes, PROT_READ | PROT_WRITE) != 0 ||
        (!process.no_populate && sys::call(SYS_madvise, at, bytes, MADV_POPULATE_WRITE) != 0))
        return;
    uint32_t before = load(process.file->ready_page);
    while (before < end &&
           !__atomic_compare_exchange_n(&process.file->ready_page, &before, static_cast<uint32_t>(end), true,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        ;
}

} // namespace

bool map_trace(const char *pattern, uint64_t max_bytes)
{
    char path[longest_path];
    if (!expand_path(pattern, path, sizeof path))
        return false;
    uint64_t capacity =
        capped(capped(max_bytes, RLIMIT_FSIZE, 1), RLIMIT_AS, 4) & ~uint64_t{UNPAIRED_TRACE_PAGE - 1};
    if (capacity < smallest_capacity)
        return false;
    const long fd = open_new(path, name_of_trace);
    if (fd < 0)
        return false;
    long at = -1;
    if (sys::call(SYS_ftruncate, fd, static_cast<long>(capacity)) == 0)
        at =
            sys::call(SYS_mmap, 0, static_cast<long>(capacity), PROT_NONE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    bool usable = at >= 0 || at < -4095;
    if (usable) {
        process.base = reinterpret_cast<uint8_t *>(at);
        process.capacity = capacity;
        const long opened = open_pages(0, UNPAIRED_TRACE_PAGE);
        usable = opened == 0;
        if (opened == -EINVAL) {
            /* Linux before 5.14: have the blocks now, fewer of them, rather than a SIGBUS later. */
            process.no_populate = true;
            process.capacity = capacity =
                capacity < allocated_without_populate ? capacity : allocated_without_populate;
            usable = sys::call(SYS_ftruncate, fd, static_cast<long>(capacity)) == 0 &&
                     sys::call(SYS_fallocate, fd, 0, 0, static_cast<long>(capacity)) == 0 &&
                     open_pages(0, UNPAIRED_TRACE_PAGE) == 0;
        }
        if (!usable)
            sys::call(SYS_munmap, at, static_cast<long>(capacity));
    }
    sys::call(SYS_close, fd);
    if (!usable) {
        sys::call(SYS_unlinkat, AT_FDCWD, sys::of(name_of_trace),
                  0); // `path` may be another trace
        return false;
    }

    auto *file = reinterpret_cast<unpaired_file_header *>(process.base);
    file->major = UNPAIRED_TRACE_MAJOR;
    file->minor = UNPAIRED_TRACE_MINOR;
    file->page = UNPAIRED_TRACE_PAGE;
    file->capacity = capacity;
#if defined(__x86_64__)
    file->machine = 62; /* EM_X86_64 */
#elif defined(__aarch64__)
    file->machine = 183; /* EM_AARCH64 */
#endif
    file->source = UNPAIRED_SOURCE_PRELOAD;
    file->address_size = sizeof(void *);
    file->first_pid = static_cast<uint32_t>(sys::getpid());
    const timespec now = read_clock(CLOCK_REALTIME);
    file->started_realtime_ns =
        static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
    file->started_monotonic_ms = clock_ms(CLOCK_MONOTONIC_COARSE);
    file->next_page = file->next_site = file->next_image = file->next_shard = file->next_thread =
        file->next_generation = 1;
    memcpy(file->magic, UNPAIRED_TRACE_MAGIC, sizeof file->magic);
    process.file = file;
    return true;
}

unpaired_extent *new_extent(unpaired_extent_kind kind, uint32_t pages, uint32_t shard)
{
    if (kind != UNPAIRED_EXTENT_LOG)
        announce_image();
    if (load(process.full) != 0)
        return nullptr;
    const uint64_t first = take_pages(pages);
    if (first == 0) {
        store(process.full, 1u); // for good: nothing is tried again with every event
        return nullptr;
    }
    if (UNPAIRED_UNLIKELY(load(process.file->ready_page) != 0) && !sys::sealed() &&
        first + pages + ready_pages / 2 > load(process.file->ready_page))
        fill_ready_pages(pages_to_keep_ready());
    auto *extent = reinterpret_cast<unpaired_extent *>(process.base + first * UNPAIRED_TRACE_PAGE);
    extent->kind = static_cast<uint16_t>(kind);
    extent->image = process.image;
    extent->pages = pages;
    extent->shard = shard;
    store(extent->magic, UNPAIRED_EXTENT_MAGIC, __ATOMIC_RELEASE);
    return extent;
}

void keep_trace_ready()
{
    if (process.full != 0)
        return;
    fill_ready_pages(pages_to_keep_ready());
    // Pages that other processes reserved have blocks on the disk; this process only has to make them writable.
    const uint64_t limit = load(process.capacity) / UNPAIRED_TRACE_PAGE;
    const uint64_t first = load(process.file->next_page), wanted = first + writable_pages;
    const uint64_t end = wanted < limit ? wanted : limit;
    if (end > first &&
        sys::call(SYS_mprotect, sys::of(process.base + first * UNPAIRED_TRACE_PAGE),
                  static_cast<long>((end - first) * UNPAIRED_TRACE_PAGE), PROT_READ | PROT_WRITE) == 0) {
        process.first_writable_page = static_cast<uint32_t>(first);
        process.writable_page = static_cast<uint32_t>(end);
    }
}

bool give_back_address_space(uint64_t reserve)
{
    if (sys::sealed())
        return false;
    const uint64_t before = load(process.capacity);
    const uint64_t kept = uint64_t{load(process.file->next_page)} * UNPAIRED_TRACE_PAGE + reserve;
    if (kept >= before)
        return false;
    // First the new end, then the unmapping: an extent that is being made beyond it fails to open and is counted.
    store(process.capacity, kept);
    sys::call(SYS_munmap, sys::of(process.base + kept), static_cast<long>(before - kept));
    return true;
}

/// `bytes` (a multiple of 8) in the current log extent, or in a new one.
static uint8_t *reserve(size_t bytes)
{
    for (;;) {
        unpaired_extent *log = load(process.log, __ATOMIC_ACQUIRE);
        if (log != nullptr) {
            const size_t room = size_t{log->pages} * UNPAIRED_TRACE_PAGE - sizeof *log;
            if (load(log->used) + bytes <= room) {
                const size_t at = add(log->used, static_cast<uint32_t>(bytes));
                if (at + bytes <= room)
                    return reinterpret_cast<uint8_t *>(log + 1) + at;
            }
        }
        uint32_t pages = log == nullptr ? 1 : log->pages * 2;
        if (pages > largest_log_pages)
            pages = largest_log_pages;
        while (size_t{pages} * UNPAIRED_TRACE_PAGE < bytes + sizeof *log)
            pages *= 2;
        unpaired_extent *fresh = new_extent(UNPAIRED_EXTENT_LOG, pages, 0);
        if (fresh == nullptr)
            return nullptr;
        /* Two threads may get here at once; the loser's extent stays empty, which a reader does not mind. */
        __atomic_compare_exchange_n(&process.log, &log, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    }
}

void *append(unpaired_record_type type, const void *fixed, size_t fixed_size, Tail a, Tail b, Tail c)
{
    announce_image();
    const size_t payload = (fixed_size + a.size + b.size + c.size + 7) & ~size_t{7};
    const size_t bytes = sizeof(unpaired_record) + payload;
    uint8_t *at = bytes / 8 > 0xffff ? nullptr : reserve(bytes);
    if (at == nullptr) {
        count_drop(UNPAIRED_DROP_LOG);
        return nullptr;
    }
    uint8_t *p = at + sizeof(unpaired_record);
    memcpy(p, fixed, fixed_size);
    p += fixed_size;
    for (const Tail &tail : {a, b, c}) {
        if (tail.size != 0)
            memcpy(p, tail.data, tail.size);
        p += tail.size;
    }
    unpaired_record header{UNPAIRED_RECORD_SYNC, static_cast<uint8_t>(type), static_cast<uint16_t>(bytes / 8),
                           0};
    header.check = unpaired_record_check(header.type, header.words, at + sizeof header);
    uint64_t word;
    memcpy(&word, &header, sizeof word);
    __atomic_store_n(reinterpret_cast<uint64_t *>(at), word, __ATOMIC_RELEASE);
    return at + sizeof header;
}

} // namespace unpaired
