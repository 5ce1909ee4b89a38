// The bytes of a fuzzer as a file, for readers that open a path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace unpaired::fuzz {

/// A file in memory with the given content, as long as the object lives.
class InputFile {
public:
    InputFile(const uint8_t *bytes, size_t count) : fd_(::memfd_create("fuzz", MFD_CLOEXEC))
    {
        for (size_t done = 0; done < count;) {
            const ssize_t n = ::write(fd_, bytes + done, count - done);
            if (n <= 0)
                break;
            done += static_cast<size_t>(n);
        }
    }
    InputFile(const InputFile &) = delete;
    InputFile &operator=(const InputFile &) = delete;
    ~InputFile() { ::close(fd_); }

    std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

private:
    int fd_;
};

} // namespace unpaired::fuzz
