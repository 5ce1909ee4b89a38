#include "commands/store_trace.h"

#include "commands/descriptor.h"
#include "commands/trouble.h"
#include "input/stored_parts.h"
#include "unpaired/trace_format.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <sys/stat.h>
#include <vector>
#include <xxhash.h>
#include <zstd.h>

namespace unpaired {
namespace {

constexpr int compression_level = 7;

[[noreturn]] void fail(const std::string &to, int error)
{
    throw Trouble(fmt::format("cannot write '{}': {}.", to, std::strerror(error)));
}

/// A file that is removed again unless it was given its final name.
class Unfinished {
public:
    explicit Unfinished(const std::string &to)
        : to_(to), name_(to + ".XXXXXX"), fd_(mkostemp(name_.data(), O_CLOEXEC))
    {
        if (!fd_)
            fail(to, errno);
        // The file contains command lines and memory. The umask may have removed more from mkostemp's mode.
        fchmod(fd_.get(), 0600);
    }
    ~Unfinished()
    {
        if (!name_.empty())
            unlink(name_.c_str());
    }
    Unfinished(const Unfinished &) = delete;
    Unfinished &operator=(const Unfinished &) = delete;

    void write(const void *from, size_t length)
    {
        const auto *bytes = static_cast<const char *>(from);
        while (length > 0) {
            const ssize_t n = ::write(fd_.get(), bytes, length);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                fail(to_, n < 0 ? errno : ENOSPC);
            bytes += n;
            length -= static_cast<size_t>(n);
            written_ += static_cast<uint64_t>(n);
        }
    }
    uint64_t finish()
    {
        if (rename(name_.c_str(), to_.c_str()) != 0)
            fail(to_, errno);
        name_.clear();
        return written_;
    }

private:
    std::string to_, name_;
    Descriptor fd_;
    uint64_t written_ = 0;
};

uint64_t used_bytes(int fd, const std::string &from)
{
    unpaired_file_header header = {};
    struct stat st = {};
    if (fstat(fd, &st) != 0 || pread(fd, &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header) ||
        std::memcmp(header.magic, UNPAIRED_TRACE_MAGIC, sizeof header.magic) != 0)
        throw Trouble(fmt::format("'{}' is not a whole trace.", from));
    return std::min({uint64_t{header.next_page} * UNPAIRED_TRACE_PAGE, header.capacity,
                     static_cast<uint64_t>(st.st_size)});
}

/// Reads exactly `length` bytes.
size_t read_part(int fd, std::vector<char> &to, uint64_t offset, size_t length, const std::string &from)
{
    for (size_t done = 0; done < length;) {
        const ssize_t n = pread(fd, to.data() + done, length - done, static_cast<off_t>(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            throw Trouble(fmt::format("cannot read '{}': {}.", from,
                                      n < 0 ? std::strerror(errno) : "it was cut short"));
        done += static_cast<size_t>(n);
    }
    return length;
}

/// Fills the fields that all descriptions have, and writes the description.
template <class Description> void describe(Unfinished &out, Description &description, const char (&tag)[8])
{
    description.skippable_magic = skippable;
    description.skippable_size = sizeof description - offsetof(Description, tag);
    std::memcpy(description.tag, tag, sizeof tag);
    description.check = XXH64(&description, offsetof(Description, check), 0);
    out.write(&description, sizeof description);
}

} // namespace

uint64_t store_trace(const std::string &from, const std::string &to)
{
    const Descriptor in(open(from.c_str(), O_RDONLY | O_CLOEXEC));
    if (!in)
        throw Trouble(fmt::format("cannot read '{}': {}.", from, std::strerror(errno)));
    const uint64_t used = used_bytes(in.get(), from);

    const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx *)> context(ZSTD_createCCtx(), &ZSTD_freeCCtx);
    if (!context)
        throw Trouble("out of memory.");
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, compression_level);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
    Unfinished out(to);
    std::vector<char> raw(part_bytes), packed(ZSTD_compressBound(part_bytes));
    StoredEnd end = {};
    for (uint64_t offset = 0; offset < used;) {
        const size_t length =
            read_part(in.get(), raw, offset, std::min<uint64_t>(part_bytes, used - offset), from);
        if (offset == 0)
            std::memcpy(end.header, raw.data(), std::min(length, sizeof end.header));
        const size_t size = ZSTD_compress2(context.get(), packed.data(), packed.size(), raw.data(), length);
        if (ZSTD_isError(size))
            throw Trouble(fmt::format("cannot compress '{}': {}.", from, ZSTD_getErrorName(size)));
        out.write(packed.data(), size);
        PartDescription part = {};
        part.offset = offset;
        part.length = static_cast<uint32_t>(length);
        part.packed = static_cast<uint32_t>(size);
        describe(out, part, part_tag);
        offset += length;
    }
    end.size = used;
    describe(out, end, end_tag);
    return out.finish();
}

void require_writable_place(const std::string &path)
{
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    std::error_code error;
    if (path.empty() || path.ends_with('/') || std::filesystem::is_directory(path, error))
        throw Trouble(fmt::format("cannot write '{}': it is not the name of a file.", path));
    if (access(folder.empty() ? "." : folder.c_str(), W_OK | X_OK) != 0)
        throw Trouble(fmt::format("cannot write '{}': {}.", path, std::strerror(errno)));
    if (access(path.c_str(), F_OK) == 0 && access(path.c_str(), W_OK) != 0)
        throw Trouble(fmt::format("cannot write '{}': {}.", path, std::strerror(errno)));
}

} // namespace unpaired
