#include "commands/read_inputs.h"

#include "commands/read_input.h"
#include "commands/running.h"
#include "commands/trouble.h"
#include "input/bytes.h"
#include "input/input_error.h"
#include "input/read_report.h"
#include "input/read_stream.h"
#include "input/read_trace.h"

#include <array>
#include <cstring>
#include <elf.h>
#include <filesystem>
#include <fmt/format.h>
#include <span>

namespace unpaired {
namespace {

enum class Kind { trace, report, core, other };

bool looks_like_core(std::span<const uint8_t> beginning)
{
    // e_type stands behind e_ident; cores that can be read are little-endian
    return beginning.size() > EI_NIDENT && std::memcmp(beginning.data(), ELFMAG, SELFMAG) == 0 &&
           beginning[EI_NIDENT] == ET_CORE;
}

Kind kind_of(const std::string &path)
{
    std::array<uint8_t, sizeof(unpaired_file_header)> beginning;
    const size_t length = open_bytes(path)->copy(0, beginning.data(), beginning.size());
    const auto bytes = std::span(beginning).first(length);
    if (looks_like_trace(bytes))
        return Kind::trace;
    if (looks_like_core(bytes))
        return Kind::core;
    // what a device prints before its stream begins may look like anything
    return looks_like_json(bytes) && !holds_stream(path) ? Kind::report : Kind::other;
}

void read_input(const std::string &path, const std::vector<FirmwareElf> &firmware,
                const std::string &cycle_function, Inputs &inputs)
{
    const Kind kind = kind_of(path);
    if (kind == Kind::report) {
        inputs.reports.push_back(read_report(path));
        return;
    }
    if (kind == Kind::other && (!firmware.empty() || holds_stream(path))) {
        if (firmware.empty())
            throw Trouble(stream_without_elf(path));
        inputs.streams++;
        for (Trace &trace : read_with(firmware, path, cycle_function))
            inputs.traces.push_back(std::move(trace));
        return;
    }
    if (kind == Kind::core)
        throw Trouble(fmt::format("{}: is a core; unpaired postmortem reports it, and saves the report with "
                                  "--output json:FILE",
                                  path));
    Trace &trace = inputs.traces.emplace_back(read_trace(path));
    note_running(trace, path);
}

} // namespace

std::vector<FirmwareElf> read_firmware(const std::vector<std::string> &paths)
{
    std::vector<FirmwareElf> firmware;
    firmware.reserve(paths.size());
    for (const std::string &path : paths)
        firmware.push_back(read_firmware_elf(std::filesystem::absolute(path).string()));
    return firmware;
}

Inputs read_inputs(const std::vector<std::string> &paths, const std::vector<FirmwareElf> &firmware,
                   const std::string &cycle_function)
{
    Inputs inputs;
    for (const std::string &path : paths)
        read_input(path, firmware, cycle_function, inputs);
    return inputs;
}

} // namespace unpaired
