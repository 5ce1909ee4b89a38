#include "commands/read_input.h"

#include "input/bytes.h"
#include "input/input_error.h"
#include "input/read_stream.h"
#include "input/read_trace.h"
#include "unpaired/trace_format.h"

#include <array>
#include <fmt/format.h>
#include <span>

namespace unpaired {

bool is_trace(const std::string &path)
{
    std::array<uint8_t, sizeof(unpaired_file_header)> beginning;
    const size_t length = open_bytes(path)->copy(0, beginning.data(), beginning.size());
    return looks_like_trace(std::span(beginning).first(length));
}

std::vector<Trace> read_with(const std::vector<FirmwareElf> &firmware, const std::string &stream,
                             const std::string &cycle_function)
{
    for (size_t i = 0;; i++)
        try {
            return read_stream(stream, firmware[i], cycle_function);
        } catch (const InputError &) {
            // of several files one fits; what is wrong with the last one is as good a reason as any
            if (i + 1 == firmware.size())
                throw;
        }
}

std::string stream_without_elf(const std::string &path)
{
    return fmt::format("{}: is the stream of a firmware; give its ELF file with --elf, as in: "
                       "unpaired report {} --elf firmware.elf",
                       path, path);
}

} // namespace unpaired
