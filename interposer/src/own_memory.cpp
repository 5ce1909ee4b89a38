#include "own_memory.h"

#include "clock.h"
#include "open_aside.h"
#include "state.h"

#include <cstring>
#include <fcntl.h>
#include <sys/uio.h>
#include <time.h>

namespace unpaired {
namespace {

constexpr unsigned reads_between_looks_at_clock = 16;
constexpr uint64_t bytes_between_looks_at_clock = 4 << 20;

/// Lines of /proc/self/maps, however long.
class Lines {
public:
    Lines(long fd, char *buffer, size_t room) : fd_(fd), buffer_(buffer), room_(room) {}

    /// The next line, without its end; nullptr at the end of the file. What does not fit into the buffer is cut.
    const char *next()
    {
        for (;;) {
            char *line = buffer_ + at_;
            if (auto *end = static_cast<char *>(memchr(line, '\n', got_ - at_)); end != nullptr) {
                *end = '\0';
                at_ = static_cast<size_t>(end - buffer_) + 1;
                return line;
            }
            memmove(buffer_, line, got_ - at_);
            got_ -= at_;
            at_ = 0;
            const long n = sys::call(SYS_read, fd_, sys::of(buffer_ + got_), static_cast<long>(room_ - got_));
            if (n <= 0)
                return nullptr;
            got_ += static_cast<size_t>(n);
        }
    }

private:
    const long fd_;
    char *const buffer_;
    const size_t room_;
    size_t at_ = 0, got_ = 0;
};

uint64_t hexadecimal(const char *&at)
{
    uint64_t value = 0;
    for (;; at++) {
        if (*at >= '0' && *at <= '9')
            value = value << 4 | static_cast<uint64_t>(*at - '0');
        else if (*at >= 'a' && *at <= 'f')
            value = value << 4 | static_cast<uint64_t>(*at - 'a' + 10);
        else
            return value;
    }
}

bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

/// A line "start-end rwxp offset dev inode   path" (proc(5)).
bool parse(const char *line, Region &region)
{
    const char *at = line;
    region.start = hexadecimal(at);
    if (*at++ != '-')
        return false;
    region.end = hexadecimal(at);
    if (*at++ != ' ' || strnlen(at, 5) < 5)
        return false;
    const bool readable = at[0] == 'r', is_shared = at[3] == 's';
    region.writable = at[1] == 'w';
    at += 5;
    for (int field = 0; field < 2; field++) { // offset, device
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    const bool of_file = *at != '0' || at[1] != ' ';
    at += strcspn(at, " ");
    at += strspn(at, " ");
    region.heap = strcmp(at, "[heap]") == 0;
    region.stack = strcmp(at, "[stack]") == 0;
    // reading what a device maps may do something to it
    const bool of_device = begins(at, "/dev/") && !begins(at, "/dev/shm/") && !begins(at, "/dev/zero");
    const bool of_kernel = begins(at, "[v"); // vvar, vdso, vsyscall
    region.kind = !readable || of_device || of_kernel ? Region::unread
                  : is_shared                         ? Region::shared
                  : of_file                           ? Region::private_file
                                                      : Region::anonymous;
    return region.start < region.end;
}

} // namespace

OwnMemory::~OwnMemory()
{
    if (pagemap_ >= 0)
        sys::call(SYS_close, pagemap_);
}

const char *OwnMemory::open(const Budget &budget)
{
    cpu_end_ms_ = clock_ms(CLOCK_THREAD_CPUTIME_ID) + budget.cpu_ms;
    wall_end_ms_ = clock_ms(CLOCK_MONOTONIC) + budget.wall_ms;
    if (!memory_.resize(piece + Marker::room_needed + most_ahead + pages_room))
        return "there is no memory for it";
    buffer_ = memory_.data();
    room_ = buffer_ + piece;
    window_ = room_ + Marker::room_needed;
    pages_ = reinterpret_cast<uint64_t *>(window_ + most_ahead);
    uint64_t word = 0;
    if (copy(reinterpret_cast<uint64_t>(this), &word, sizeof word) != sizeof word)
        return "process_vm_readv is not permitted here";
    pagemap_ = open_aside("/proc/self/pagemap");
    return nullptr;
}

const char *OwnMemory::read_map()
{
    const long fd = open_aside("/proc/self/maps");
    if (fd < 0)
        return "/proc/self/maps cannot be opened";
    Lines lines(fd, reinterpret_cast<char *>(buffer_), piece);
    const char *problem = nullptr;
    while (const char *line = lines.next()) {
        Region region{};
        if (parse(line, region) && region.kind != Region::unread && !regions_.push(region)) {
            problem = "there is no memory for it";
            break;
        }
    }
    sys::call(SYS_close, fd);
    exclude(memory_.first_byte(), memory_.last_byte());
    exclude(regions_.first_byte(), regions_.last_byte());
    return regions_.size() == 0 ? "/proc/self/maps cannot be read" : problem;
}

void OwnMemory::exclude(uint64_t start, uint64_t end)
{
    for (size_t i = 0, n = regions_.size(); i < n; i++) {
        Region &region = regions_[i];
        if (region.end <= start || region.start >= end)
            continue;
        if (region.start < start && region.end > end) {
            Region behind = region;
            behind.start = end;
            region.end = start;
            regions_.push(behind);
            for (size_t k = regions_.size() - 1; k > i + 1; k--)
                __builtin_memcpy(&regions_[k], &regions_[k - 1], sizeof behind);
            regions_[i + 1] = behind;
            return;
        }
        if (region.start < start)
            region.end = start;
        else
            region.start = end < region.end ? end : region.end;
    }
}

size_t OwnMemory::first_region_behind(uint64_t address) const
{
    size_t first = 0, n = regions_.size(); // the first that ends behind it
    while (n != 0) {
        const size_t half = n / 2;
        if (regions_[first + half].end <= address) {
            first += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return first;
}

const Region *OwnMemory::region_at(uint64_t address) const
{
    const size_t at = first_region_behind(address);
    return at < regions_.size() && regions_[at].start <= address ? &regions_[at] : nullptr;
}

bool OwnMemory::is_in_time()
{
    reads_ = 0;
    bytes_ = 0;
    if (trouble_ == nullptr &&
        (clock_ms(CLOCK_THREAD_CPUTIME_ID) > cpu_end_ms_ || clock_ms(CLOCK_MONOTONIC) > wall_end_ms_))
        trouble_ = took_too_long;
    return trouble_ == nullptr;
}

/// Returns false if the search must stop before it reads `bytes` more bytes. Reads the clock from time to time.
bool OwnMemory::may_read(uint64_t bytes)
{
    bytes_ += bytes;
    if (++reads_ > reads_between_looks_at_clock || bytes_ > bytes_between_looks_at_clock)
        return is_in_time();
    return trouble_ == nullptr;
}

size_t OwnMemory::copy(uint64_t address, void *to, size_t length)
{
    if (!may_read(length))
        return 0;
    const iovec local{to, length}, remote{reinterpret_cast<void *>(address), length};
    const long got = sys::call(SYS_process_vm_readv, process.pid, sys::of(&local), 1, sys::of(&remote), 1, 0);
    return got > 0 ? static_cast<size_t>(got) : 0;
}

/// Copies all readable bytes, and stores zeros for the others.
void OwnMemory::copy_around_holes(uint64_t address, uint8_t *to, size_t length)
{
    memset(to, 0, length);
    for (size_t done = 0; done < length && trouble_ == nullptr;) {
        done += copy(address + done, to + done, length - done);
        done = static_cast<size_t>(((address + done) | (page - 1)) + 1 - address); // an unreadable page
    }
}

void OwnMemory::read(reachability::Piece *pieces, unsigned n)
{
    constexpr unsigned most = 64; // limits the stack that the vectors take
    iovec local[most], remote[most];
    for (unsigned first = 0; first < n;) {
        unsigned count = 0;
        uint64_t bytes = 0;
        for (; count < most && first + count < n; count++) {
            const reachability::Piece &one = pieces[first + count];
            local[count] = {one.to, one.length};
            remote[count] = {reinterpret_cast<void *>(one.at), one.length};
            bytes += one.length;
        }
        long got = 0;
        if (may_read(bytes))
            got = sys::call(SYS_process_vm_readv, process.pid, sys::of(local), count, sys::of(remote), count,
                            0);
        // process_vm_readv stops at the first byte that is not readable
        size_t left = got > 0 ? static_cast<size_t>(got) : 0;
        for (unsigned i = 0; i < count; i++, first++) {
            reachability::Piece &one = pieces[first];
            one.got = one.length;
            if (left < one.length) {
                copy_around_holes(one.at + left, one.to + left, one.length - left);
                first++;
                break;
            }
            left -= one.length;
        }
    }
}

/// Whether the page may hold what the process wrote: of memory that was never touched, and of a file's own pages,
/// there is nothing to read.
bool OwnMemory::has_contents(const Region &region, uint64_t address)
{
    constexpr uint64_t present = uint64_t{1} << 63, swapped = uint64_t{1} << 62,
                       of_file = uint64_t{1} << 61; // or shared
    constexpr size_t entries = pages_room / sizeof(uint64_t);
    if (pagemap_ < 0)
        return region.writable || region.kind == Region::anonymous;
    if (address < pages_start_ || address >= pages_end_) {
        if (!may_read(pages_room)) // a sanitizer's shadow memory has terabytes of holes
            return true;
        pages_start_ = address & ~(page - 1);
        const uint64_t behind = (region.end - pages_start_) / page;
        const long wanted = static_cast<long>((behind < entries ? behind : entries) * sizeof(uint64_t));
        const long got = sys::call(SYS_pread64, pagemap_, sys::of(pages_), wanted,
                                   static_cast<long>(pages_start_ / page * sizeof(uint64_t)));
        if (got < static_cast<long>(sizeof(uint64_t))) {
            sys::call(SYS_close, pagemap_);
            pagemap_ = -1;
            return has_contents(region, address);
        }
        pages_end_ = pages_start_ + static_cast<uint64_t>(got) / sizeof(uint64_t) * page;
    }
    const uint64_t entry = pages_[(address - pages_start_) / page];
    if ((entry & swapped) != 0)
        return true;
    return (entry & present) != 0 && (region.kind != Region::private_file || (entry & of_file) == 0);
}

/// Moves `from` up to the next memory with contents before `to`, and `to` to its end, at most a piece further.
bool OwnMemory::next_piece(const Region &region, uint64_t &from, uint64_t &to)
{
    const uint64_t last = to;
    if (last - from > page || region.kind == Region::private_file) {
        while (from < last && !has_contents(region, from))
            from = (from | (page - 1)) + 1;
        if (from >= last)
            return false;
        to = (from | (page - 1)) + 1;
        while (to < last && to - from < piece - page && has_contents(region, to))
            to += page;
    }
    if (to - from > piece)
        to = from + piece;
    if (to > last)
        to = last;
    return from < to;
}

} // namespace unpaired
