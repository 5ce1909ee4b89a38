#include "input/bytes.h"

#include "input/input_error.h"
#include "input/stored_parts.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <xxhash.h>
#define ZSTD_STATIC_LINKING_ONLY // ZSTD_getFrameHeader
#include <zstd.h>

namespace unpaired {
namespace {

// A larger unpacked frame is not a trace (whose capacity is 1 GiB by default), and would only fill the machine's
// memory.
constexpr uint64_t max_unpacked = UINT64_C(8) << 30;

// Larger unpacked traces (with the log of every event) are not kept in memory.
constexpr uint64_t most_in_memory = UINT64_C(16) << 20;

// The limit in memory if no file can be created.
constexpr uint64_t most_without_file = UINT64_C(256) << 20;

class FileDescriptor {
public:
    explicit FileDescriptor(int fd) : fd_(fd) {}
    FileDescriptor(FileDescriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileDescriptor &operator=(FileDescriptor &&other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~FileDescriptor()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    int get() const { return fd_; }

private:
    int fd_;
};

class FileBytes : public Bytes {
public:
    FileBytes(FileDescriptor fd, uint64_t size, bool may_change)
        : fd_(std::move(fd)), size_(size), may_change_(may_change)
    {}
    uint64_t size() const override { return size_; }
    bool may_change() const override { return may_change_; }
    size_t copy(uint64_t offset, void *to, size_t length) const override
    {
        size_t done = 0;
        while (done < length) {
            ssize_t n = ::pread(fd_.get(), static_cast<uint8_t *>(to) + done, length - done,
                                static_cast<off_t>(offset + done));
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                break;
            done += static_cast<size_t>(n);
        }
        return done;
    }

private:
    FileDescriptor fd_;
    uint64_t size_;
    bool may_change_;
};

class ViewBytes : public Bytes {
public:
    explicit ViewBytes(std::span<const uint8_t> bytes) : bytes_(bytes) {}
    uint64_t size() const override { return bytes_.size(); }
    bool may_change() const override { return false; }
    size_t copy(uint64_t offset, void *to, size_t length) const override
    {
        if (offset >= bytes_.size())
            return 0;
        size_t n = std::min<uint64_t>(length, bytes_.size() - offset);
        std::memcpy(to, bytes_.data() + offset, n);
        return n;
    }

private:
    std::span<const uint8_t> bytes_;
};

class OwnedBytes : public ViewBytes {
public:
    explicit OwnedBytes(std::vector<uint8_t> bytes) : ViewBytes(bytes), owned_(std::move(bytes)) {}

private:
    std::vector<uint8_t> owned_; // its buffer stays where the view saw it
};

/// Holds unpacked bytes: in memory while they are few, then in a file without a name.
class Unpacked {
public:
    uint64_t size() const { return written_ + memory_.size(); }

    /// Returns false if there is no room in the file or in memory. No more bytes can be added then.
    bool append(const uint8_t *bytes, size_t count)
    {
        if (full_)
            return false;
        memory_.insert(memory_.end(), bytes, bytes + count);
        if (memory_.size() > most_in_memory || file_.get() >= 0)
            write_out();
        return !full_;
    }

    /// Overwrites the first bytes.
    void replace_beginning(const uint8_t *bytes, size_t count)
    {
        if (file_.get() >= 0)
            write_at(bytes, std::min<uint64_t>(count, written_), 0);
        else
            std::copy_n(bytes, std::min(count, memory_.size()), memory_.begin());
    }

    std::unique_ptr<Bytes> finish()
    {
        if (file_.get() < 0)
            return std::make_unique<OwnedBytes>(std::move(memory_));
        if (::ftruncate(file_.get(), static_cast<off_t>(written_)) != 0)
            written_ = 0;
        return std::make_unique<FileBytes>(std::move(file_), written_, false);
    }

private:
    /// Moves the bytes in memory to the file. If that fails, they stay in memory, up to a limit.
    void write_out()
    {
        if (file_.get() < 0 && !tried_) {
            tried_ = true;
            const char *folder = std::getenv("TMPDIR");
            file_ = FileDescriptor(::open(folder != nullptr && *folder != '\0' ? folder : "/tmp",
                                          O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        }
        if (file_.get() < 0) {
            full_ = memory_.size() > most_without_file;
            return;
        }
        const size_t done = write_sparsely();
        if (done < memory_.size()) {
            take_back(done);
            return;
        }
        written_ += memory_.size();
        memory_.clear();
    }

    /// Appends the bytes in memory to the file, without blocks of zeros. Returns the number of bytes that it has
    /// handled.
    size_t write_sparsely()
    {
        constexpr size_t block = 4096;
        static const std::vector<uint8_t> zeros(block);
        for (size_t at = 0; at < memory_.size();) {
            const size_t length = std::min(block, memory_.size() - at);
            if (std::memcmp(&memory_[at], zeros.data(), length) != 0) {
                const size_t done = write_at(&memory_[at], length, written_ + at);
                if (done < length)
                    return at + done;
            }
            at += length;
        }
        return memory_.size();
    }

    size_t write_at(const uint8_t *bytes, size_t count, uint64_t offset) const
    {
        size_t done = 0;
        while (done < count) {
            const ssize_t n =
                ::pwrite(file_.get(), bytes + done, count - done, static_cast<off_t>(offset + done));
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                break;
            done += static_cast<size_t>(n);
        }
        return done;
    }

    /// Reads the file back into memory after the disk is full; `done` is the number of bytes of `memory_` that were
    /// written. If they are too many for memory, ends the unpacking.
    void take_back(size_t done)
    {
        if (written_ + memory_.size() > most_without_file) {
            written_ += done;
            memory_.clear();
            full_ = true;
            return;
        }
        const FileBytes file(std::exchange(file_, FileDescriptor(-1)), written_, false);
        std::vector<uint8_t> whole(written_); // a sparse file may lack zeros at its end
        file.copy(0, whole.data(), whole.size());
        whole.insert(whole.end(), memory_.begin(), memory_.end());
        memory_ = std::move(whole);
        written_ = 0;
    }

    std::vector<uint8_t> memory_;
    FileDescriptor file_{-1};
    uint64_t written_ = 0;
    bool tried_ = false, full_ = false;
};

bool is_zstd(const Bytes &input)
{
    static constexpr uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
    uint8_t start[4] = {};
    return input.copy(0, start, sizeof start) == sizeof start && std::memcmp(start, magic, sizeof magic) == 0;
}

/// One part of a stored trace, from the description that follows it.
struct StoredPart {
    uint64_t offset = 0, length = 0; ///< in the trace
    uint64_t begin = 0, end = 0;     ///< of its zstd frame in the file
    uint64_t behind = 0;             ///< start of the next part's frame
};

template <class Described> bool is_intact(const Described &described)
{
    return described.check == XXH64(&described, offsetof(Described, check), 0);
}

/// The descriptions of a stored trace. A damaged description leaves a gap between the ones before and after.
struct StoredTrace {
    std::vector<StoredPart> parts;
    std::optional<StoredEnd> end;
    uint64_t end_at = 0; ///< in the file

    static StoredTrace of(const Bytes &file)
    {
        StoredTrace stored;
        constexpr size_t window = 1 << 20;
        std::vector<uint8_t> bytes(window + sizeof(StoredEnd));
        for (uint64_t at = 0; at < file.size(); at += window) {
            const size_t n = file.copy(at, bytes.data(), bytes.size());
            constexpr uint8_t magic[4] = {skippable & 0xff, skippable >> 8 & 0xff, skippable >> 16 & 0xff,
                                          skippable >> 24};
            for (const uint8_t *found = bytes.data(), *const last = bytes.data() + std::min(n, window);
                 (found = std::search(found, last, magic, magic + sizeof magic)) != last; found++) {
                const auto offset = static_cast<size_t>(found - bytes.data());
                stored.look(bytes.data() + offset, n - offset, at + offset);
            }
        }
        return stored;
    }

private:
    void look(const uint8_t *bytes, size_t count, uint64_t at)
    {
        PartDescription part;
        StoredEnd last;
        if (count >= sizeof part) {
            std::memcpy(&part, bytes, sizeof part);
            if (std::memcmp(part.tag, part_tag, sizeof part_tag) == 0 && is_intact(part))
                add(part, at);
        }
        if (count >= sizeof last) {
            std::memcpy(&last, bytes, sizeof last);
            if (std::memcmp(last.tag, end_tag, sizeof end_tag) == 0 && is_intact(last) &&
                last.size <= max_unpacked) {
                end = last;
                end_at = at;
            }
        }
    }

    void add(const PartDescription &part, uint64_t at)
    {
        const uint64_t expected = parts.empty() ? 0 : parts.back().offset + parts.back().length;
        const uint64_t from = parts.empty() ? 0 : parts.back().behind;
        if (part.offset < expected || part.length == 0 || part.length > most_part_bytes || part.packed > at ||
            at - part.packed < from || part.packed > most_packed_bytes || part.offset > max_unpacked)
            return; // not a description
        parts.push_back({part.offset, part.length, at - part.packed, at, at + sizeof part});
    }
};

/// Unpacks a stored trace part by part. Replaces a part with a wrong checksum by zeros.
class PartUnpacker {
public:
    PartUnpacker(const Bytes &file, const StoredTrace &stored)
        : file_(file), stored_(stored), context_(ZSTD_createDCtx(), ZSTD_freeDCtx)
    {}

    std::unique_ptr<Bytes> unpack(const std::string &name)
    {
        if (!context_)
            throw InputError(fmt::format("{}: out of memory while unpacking", name));
        uint64_t behind = 0; // in the file: start of the next frame, if its description is damaged
        for (const StoredPart &part : stored_.parts) {
            if (part.offset > unpacked_.size())
                take(behind, part.begin, part.offset - unpacked_.size());
            take(part.begin, part.end, part.length);
            behind = part.behind;
        }
        if (stored_.end && stored_.end->size > unpacked_.size())
            take(behind, stored_.end_at, stored_.end->size - unpacked_.size());
        if (first_is_lost_ && stored_.end)
            unpacked_.replace_beginning(stored_.end->header, sizeof stored_.end->header);
        std::unique_ptr<Bytes> result = unpacked_.finish();
        if (holes_ > 0)
            result->damage.push_back(fmt::format("damaged: {} of {} parts of the trace (bytes {} to {}) do "
                                                 "not match their checksum; what they held is "
                                                 "missing",
                                                 holes_, parts_, first_hole_, last_hole_));
        if (!stored_.end)
            result->damage.push_back(
                "damaged: the end of the stored trace is missing, or does not match its checksum");
        if (full_)
            result->damage.push_back(
                fmt::format("there is no room to unpack more than {} bytes of the trace; set "
                            "TMPDIR to a folder that has some",
                            result->size()));
        return result;
    }

private:
    /// Unpacks the frame between `begin` and `end`, which holds `length` bytes of the trace.
    void take(uint64_t begin, uint64_t end, uint64_t length)
    {
        parts_++;
        if (full_)
            return;
        if (!unpack_frame(begin, end, length)) {
            first_is_lost_ = first_is_lost_ || unpacked_.size() == 0;
            if (holes_++ == 0)
                first_hole_ = unpacked_.size();
            piece_.assign(most_part_bytes, 0);
            for (uint64_t left = length; left > 0 && !full_;) {
                const uint64_t n = std::min<uint64_t>(left, piece_.size());
                full_ = !unpacked_.append(piece_.data(), n);
                left -= n;
            }
            last_hole_ = unpacked_.size();
            return;
        }
        full_ = !unpacked_.append(piece_.data(), length);
    }

    bool unpack_frame(uint64_t begin, uint64_t end, uint64_t length)
    {
        if (end <= begin || end - begin > most_packed_bytes || length > most_part_bytes)
            return false;
        packed_.resize(end - begin);
        piece_.resize(length);
        ZSTD_frameHeader header;
        return file_.copy(begin, packed_.data(), packed_.size()) == packed_.size() &&
               ZSTD_getFrameHeader(&header, packed_.data(), packed_.size()) == 0 &&
               header.checksumFlag != 0 &&
               ZSTD_findFrameCompressedSize(packed_.data(), packed_.size()) == packed_.size() &&
               ZSTD_decompressDCtx(context_.get(), piece_.data(), piece_.size(), packed_.data(),
                                   packed_.size()) == length;
    }

    const Bytes &file_;
    const StoredTrace &stored_;
    std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx *)> context_;
    Unpacked unpacked_;
    std::vector<uint8_t> packed_, piece_;
    uint64_t parts_ = 0, holes_ = 0, first_hole_ = 0, last_hole_ = 0;
    bool first_is_lost_ = false, full_ = false;
};

std::unique_ptr<Bytes> unpack_zstd(const Bytes &input, const std::string &name)
{
    std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream *)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
    if (!stream)
        throw InputError(fmt::format("{}: out of memory while unpacking", name));
    std::vector<uint8_t> packed(ZSTD_DStreamInSize()), piece(ZSTD_DStreamOutSize());
    Unpacked unpacked;
    std::string problem;
    uint64_t offset = 0;
    size_t state = 1; // 0: a frame is complete
    while (problem.empty()) {
        size_t n = input.copy(offset, packed.data(), packed.size());
        if (n == 0)
            break;
        offset += n;
        ZSTD_inBuffer in{packed.data(), n, 0};
        bool full = true; // the decoder may hold back output while its output buffer is full
        while (problem.empty() && (in.pos < in.size || full)) {
            ZSTD_outBuffer out{piece.data(), piece.size(), 0};
            size_t result = ZSTD_decompressStream(stream.get(), &out, &in);
            if (ZSTD_isError(result)) {
                problem = ZSTD_getErrorName(result);
                break;
            }
            state = result;
            full = out.pos == out.size;
            if (!unpacked.append(piece.data(), out.pos))
                problem = "there is no room to unpack more of it; set TMPDIR to a folder that has some";
            else if (unpacked.size() > max_unpacked)
                problem = "it unpacks to more than 8 GiB";
        }
    }
    if (problem.empty() && state != 0)
        problem = "it ends in the middle";
    if (unpacked.size() == 0)
        throw InputError(fmt::format(
            "{}: the compressed file cannot be unpacked ({}); was it copied completely?", name, problem));
    std::unique_ptr<Bytes> result = unpacked.finish();
    if (!problem.empty())
        result->damage.push_back(
            fmt::format("the compressed file is damaged: {}; {} bytes of the trace could be "
                        "unpacked, what lay behind is missing",
                        problem, result->size()));
    return result;
}

/// Returns true if the input is a stored trace: it starts with a zstd frame, or ends with the last description, since
/// the first bytes may be damaged.
bool ends_as_stored(const Bytes &input)
{
    if (is_zstd(input))
        return true;
    StoredEnd end;
    return input.size() > sizeof end &&
           input.copy(input.size() - sizeof end, &end, sizeof end) == sizeof end &&
           std::memcmp(end.tag, end_tag, sizeof end_tag) == 0 && is_intact(end);
}

/// Returns the input, unpacked if it is compressed. Recognises a stored trace by its descriptions, since its first
/// bytes may be damaged.
std::unique_ptr<Bytes> unpacked(std::unique_ptr<Bytes> input, const std::string &name)
{
    uint8_t start[sizeof UNPAIRED_TRACE_MAGIC] = {};
    const size_t n = input->copy(0, start, sizeof start);
    const bool raw = n >= 8 && std::memcmp(start, UNPAIRED_TRACE_MAGIC, 8) == 0;
    if (!raw && ends_as_stored(*input)) {
        const StoredTrace stored = StoredTrace::of(*input);
        if (!stored.parts.empty())
            return PartUnpacker(*input, stored).unpack(name);
    }
    return is_zstd(*input) ? unpack_zstd(*input, name) : std::move(input);
}

} // namespace

std::unique_ptr<Bytes> open_bytes(const std::string &path)
{
    FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (fd.get() < 0)
        throw InputError(fmt::format("{}: cannot open it: {}", path, std::strerror(errno)));
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0)
        throw InputError(fmt::format("{}: cannot read it: {}", path, std::strerror(errno)));
    if (S_ISDIR(status.st_mode))
        throw InputError(fmt::format("{}: is a directory, not a trace; name the .trace files in it", path));
    if (!S_ISREG(status.st_mode))
        throw InputError(fmt::format("{}: is not a regular file; save the trace to a file first", path));
    auto file = std::make_unique<FileBytes>(std::move(fd), static_cast<uint64_t>(status.st_size), true);
    return unpacked(std::move(file), path);
}

std::unique_ptr<Bytes> wrap_bytes(std::span<const uint8_t> bytes, const std::string &name)
{
    auto view = std::make_unique<ViewBytes>(bytes);
    return unpacked(std::move(view), name);
}

} // namespace unpaired
