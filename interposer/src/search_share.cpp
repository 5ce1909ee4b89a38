#include "search_share.h"

#include "clock.h"
#include "open_aside.h"
#include "state.h"

#include <cstring>

namespace unpaired {
namespace {

// The program took longer than this to acquire a block and to write a page, so the time allowed for each of them
// stays in proportion to its life. A forked child has not written the pages that it inherited.
constexpr uint64_t floor_us = 50'000, most_us = 4'000'000, share_of_life = 4, allowed_ns_per_block = 800,
                   allowed_ns_per_page = 1000;
// Measured times, plus half.
constexpr uint64_t needed_ns_per_block = 350, needed_ns_per_page = 500;

constexpr uint32_t least_wall_ms = 2000;
constexpr uint32_t always_searched = 16; // images of a trace
constexpr size_t few_blocks = 1000;
constexpr uint64_t few_bytes = 1 << 20;

uint64_t clock_us(clockid_t clock)
{
    const timespec now = read_clock(clock);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

/// Returns the number of the process's private pages in memory (/proc/self/statm: resident minus shared), or 0 if it
/// is not known.
uint64_t own_pages()
{
    char text[128];
    const long fd = open_aside("/proc/self/statm");
    if (fd < 0)
        return 0;
    const long got = sys::call(SYS_read, fd, sys::of(text), sizeof text - 1);
    sys::call(SYS_close, fd);
    uint64_t numbers[3] = {};
    const char *at = text, *end = text + (got > 0 ? got : 0);
    for (uint64_t &number : numbers) {
        for (; at != end && *at >= '0' && *at <= '9'; at++)
            number = number * 10 + static_cast<uint64_t>(*at - '0');
        at += at != end;
    }
    return numbers[1] > numbers[2] ? numbers[1] - numbers[2] : 0;
}

/// Writes text and numbers into a buffer that is large enough for all of them.
class Writer {
public:
    explicit Writer(char *to) : to_(to) { *to_ = '\0'; }
    Writer &operator<<(const char *text)
    {
        const size_t length = strlen(text);
        memcpy(to_, text, length + 1);
        to_ += length;
        return *this;
    }
    Writer &operator<<(uint64_t number)
    {
        char digits[21];
        char *first = digits + sizeof digits - 1;
        *first = '\0';
        do
            *--first = static_cast<char>('0' + number % 10);
        while ((number /= 10) != 0);
        return *this << first;
    }

private:
    char *to_;
};

} // namespace

bool is_small_child(size_t blocks, uint64_t bytes)
{
    return process.forked && blocks <= few_blocks && bytes <= few_bytes;
}

bool is_one_of_many() { return process.image > always_searched; }

SearchShare::SearchShare(size_t blocks)
    : life_us_(clock_us(CLOCK_PROCESS_CPUTIME_ID)), allowed_us_(floor_us),
      began_us_(clock_us(CLOCK_MONOTONIC))
{
    const uint64_t pages = own_pages();
    allowed_us_ += life_us_ / share_of_life + blocks * allowed_ns_per_block / 1000 +
                   (process.forked ? 0 : pages * allowed_ns_per_page / 1000);
    allowed_us_ = allowed_us_ < most_us ? allowed_us_ : most_us;
    needed_us_ = (blocks * needed_ns_per_block + pages * needed_ns_per_page) / 1000;
}

Budget SearchShare::budget() const
{
    const auto cpu_ms = static_cast<uint32_t>(allowed_us_ / 1000);
    return {cpu_ms, least_wall_ms + 2 * cpu_ms}; // other threads and programs may use the processors
}

const char *SearchShare::explain(bool begun)
{
    Writer writer(text_);
    if (begun)
        writer << "the search stopped after " << (clock_us(CLOCK_MONOTONIC) - began_us_) / 1000 << " ms";
    else
        writer << "no search: it would take some " << needed_us_ / 1000 << " ms";
    writer << ", and " << allowed_us_ / 1000 << " ms is its share of a program that ran " << life_us_ / 1000
           << " ms";
    return text_;
}

} // namespace unpaired
