#include "input/bytes.h"

#include "input/input_error.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <zstd.h>

namespace unpaired {
namespace {

// A frame that unpacks to more than this is not one of ours (a trace's capacity is 1 GiB by default), and
// would only fill the machine's memory.
constexpr uint64_t max_unpacked = UINT64_C(8) << 30;

// What unpacks to more than this (the log of every event) is not kept in memory.
constexpr uint64_t most_in_memory = UINT64_C(16) << 20;

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

/// What is unpacked, in memory as long as it is small, then in a file without a name.
class Unpacked {
public:
    uint64_t size() const { return written_ + memory_.size(); }

    void append(const uint8_t *bytes, size_t count)
    {
        memory_.insert(memory_.end(), bytes, bytes + count);
        if (memory_.size() > most_in_memory || file_.get() >= 0)
            write_out();
    }

    std::unique_ptr<Bytes> finish()
    {
        if (file_.get() >= 0)
            return std::make_unique<FileBytes>(std::move(file_), written_, false);
        return std::make_unique<OwnedBytes>(std::move(memory_));
    }

private:
    /// Where that is not possible it stays in memory.
    void write_out()
    {
        if (file_.get() < 0 && !tried_) {
            tried_ = true;
            const char *folder = std::getenv("TMPDIR");
            file_ = FileDescriptor(::open(folder != nullptr && *folder != '\0' ? folder : "/tmp",
                                          O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        }
        if (file_.get() < 0)
            return;
        for (size_t done = 0; done < memory_.size();) {
            const ssize_t n = ::write(file_.get(), memory_.data() + done, memory_.size() - done);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0) {
                take_back(done);
                return;
            }
            done += static_cast<size_t>(n);
        }
        written_ += memory_.size();
        memory_.clear();
    }

    /// The disk is full: back into memory, of whose piece at hand `done` bytes were written.
    void take_back(size_t done)
    {
        const FileBytes file(std::exchange(file_, FileDescriptor(-1)), written_ + done, false);
        std::vector<uint8_t> whole(written_);
        whole.resize(file.copy(0, whole.data(), whole.size()));
        whole.insert(whole.end(), memory_.begin(), memory_.end());
        memory_ = std::move(whole);
        written_ = 0;
    }

    std::vector<uint8_t> memory_;
    FileDescriptor file_{-1};
    uint64_t written_ = 0;
    bool tried_ = false;
};

bool is_zstd(const Bytes &input)
{
    static constexpr uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
    uint8_t start[4] = {};
    return input.copy(0, start, sizeof start) == sizeof start && std::memcmp(start, magic, sizeof magic) == 0;
}

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
            unpacked.append(piece.data(), out.pos);
            if (unpacked.size() > max_unpacked)
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
    if (is_zstd(*file))
        return unpack_zstd(*file, path);
    return file;
}

std::unique_ptr<Bytes> wrap_bytes(std::span<const uint8_t> bytes, const std::string &name)
{
    auto view = std::make_unique<ViewBytes>(bytes);
    if (is_zstd(*view))
        return unpack_zstd(*view, name);
    return view;
}

} // namespace unpaired
