#include "commands/live_trace.h"

#include "commands/trouble.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

namespace unpaired {
namespace {

constexpr unsigned char zstd_magic[] = {0x28, 0xb5, 0x2f, 0xfd};

std::atomic_ref<uint32_t> shared(uint32_t &word) { return std::atomic_ref<uint32_t>(word); }

/// pwrite of everything; false with errno set.
bool write_all(int fd, const void *from, size_t length, uint64_t offset)
{
    const auto *bytes = static_cast<const char *>(from);
    while (length > 0) {
        const ssize_t n = pwrite(fd, bytes, length, static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        length -= static_cast<size_t>(n);
        offset += static_cast<uint64_t>(n);
    }
    return true;
}

} // namespace

void LogRecords::add(unpaired_record_type type, const void *fixed, size_t length, std::string_view tail)
{
    const size_t payload = (length + tail.size() + 7) / 8;
    const size_t at = words_.size();
    words_.resize(at + 1 + payload);
    auto *body = reinterpret_cast<char *>(&words_[at + 1]);
    std::memcpy(body, fixed, length);
    if (!tail.empty())
        std::memcpy(body + length, tail.data(), tail.size());
    const auto words = static_cast<uint16_t>(1 + payload);
    const unpaired_record header = {UNPAIRED_RECORD_SYNC, static_cast<uint8_t>(type), words,
                                    unpaired_record_check(static_cast<uint8_t>(type), words, body)};
    std::memcpy(&words_[at], &header, sizeof header);
}

LiveTrace::LiveTrace(const std::string &path)
    : path_(path), fd_(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK))
{
    if (!fd_)
        throw Trouble(fmt::format("cannot open '{}': {}.", path, std::strerror(errno)));
    struct stat st = {};
    if (fstat(fd_.get(), &st) != 0 || !S_ISREG(st.st_mode))
        throw Trouble(fmt::format("'{}' is not a file.", path));
    unpaired_file_header start = {};
    const ssize_t length = pread(fd_.get(), &start, sizeof start, 0);
    if (length >= 4 && std::memcmp(&start, zstd_magic, sizeof zstd_magic) == 0)
        throw Trouble(fmt::format("'{}' is compressed: nobody records into it any more.", path));
    if (length < static_cast<ssize_t>(sizeof start) || std::memcmp(start.magic, UNPAIRED_TRACE_MAGIC, 8) != 0)
        throw Trouble(fmt::format("'{}' is not a trace of unpaired.", path));
    if (start.major != UNPAIRED_TRACE_MAJOR)
        throw Trouble(
            fmt::format("'{}' has trace format {}, and this unpaired writes format {}: use the unpaired that "
                        "records it.",
                        path, start.major, UNPAIRED_TRACE_MAJOR));
    void *page = mmap(nullptr, sizeof start, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    if (page == MAP_FAILED)
        throw Trouble(fmt::format("cannot map '{}': {}.", path, std::strerror(errno)));
    header_ = static_cast<unpaired_file_header *>(page);
}

LiveTrace::~LiveTrace()
{
    if (header_)
        munmap(header_, sizeof *header_);
}

bool LiveTrace::stopped() const { return shared(header_->control).load() & UNPAIRED_CONTROL_STOPPED; }

void LiveTrace::set_stopped(bool stopped)
{
    if (stopped)
        shared(header_->control).fetch_or(UNPAIRED_CONTROL_STOPPED);
    else
        shared(header_->control).fetch_and(~UNPAIRED_CONTROL_STOPPED);
}

uint32_t LiveTrace::begin_cycle() { return shared(header_->cycle).fetch_add(1) + 1; }

uint32_t LiveTrace::cycle() const { return shared(header_->cycle).load(); }

uint32_t LiveTrace::now_ms() const
{
    struct timespec now = {};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const uint64_t ms =
        static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
    return static_cast<uint32_t>(ms - header_->started_monotonic_ms);
}

uint64_t LiveTrace::used() const
{
    return std::min(uint64_t{shared(header_->next_page).load()} * UNPAIRED_TRACE_PAGE, header_->capacity);
}

void LiveTrace::append(const LogRecords &records, uint16_t image)
{
    const std::span<const uint64_t> words = records.words();
    append_extent(UNPAIRED_EXTENT_LOG, {reinterpret_cast<const char *>(words.data()), words.size_bytes()},
                  static_cast<uint32_t>(words.size_bytes()), image);
}

void LiveTrace::append(const std::vector<unpaired_reach> &entries, const unpaired_reach_look &look,
                       uint16_t image)
{
    std::vector<char> body(sizeof look + entries.size() * sizeof entries[0]);
    std::memcpy(body.data(), &look, sizeof look);
    if (!entries.empty())
        std::memcpy(&body[sizeof look], entries.data(), entries.size() * sizeof entries[0]);
    append_extent(UNPAIRED_EXTENT_REACH, body, static_cast<uint32_t>(entries.size()), image);
}

void LiveTrace::append_extent(unpaired_extent_kind kind, std::span<const char> body, uint32_t used_of_body,
                              uint16_t image)
{
    const auto pages = static_cast<uint32_t>(
        (sizeof(unpaired_extent) + body.size() + UNPAIRED_TRACE_PAGE - 1) / UNPAIRED_TRACE_PAGE);
    if (used() + uint64_t{pages} * UNPAIRED_TRACE_PAGE > header_->capacity)
        throw Trouble(fmt::format("'{}' is full.", path_));
    const uint64_t offset = uint64_t{shared(header_->next_page).fetch_add(pages)} * UNPAIRED_TRACE_PAGE;
    unpaired_extent extent = {};
    extent.kind = static_cast<uint16_t>(kind);
    extent.image = image;
    extent.pages = pages;
    extent.used = used_of_body;
    const uint32_t magic = UNPAIRED_EXTENT_MAGIC;
    // By write(2) and not through a mapping: a full disk is then an error and not a SIGBUS. The file must reach
    // to the end of the extent even where its last page holds nothing, and the magic goes in last.
    const char end = 0;
    if (!write_all(fd_.get(), &end, 1, offset + uint64_t{pages} * UNPAIRED_TRACE_PAGE - 1) ||
        !write_all(fd_.get(), &extent, sizeof extent, offset) ||
        !write_all(fd_.get(), body.data(), body.size(), offset + sizeof extent) ||
        !write_all(fd_.get(), &magic, sizeof magic, offset))
        throw Trouble(fmt::format("cannot write to '{}': {}.", path_, std::strerror(errno)));
}

} // namespace unpaired
