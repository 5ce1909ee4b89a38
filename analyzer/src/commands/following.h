// Traces that are being written, looked at again and again.
#pragma once

#include "commands/descriptor.h"
#include "commands/report_options.h"
#include "input/firmware_elf.h"
#include "input/model.h"
#include "passes/tally.h"
#include "symbols/owner_rules.h"
#include "symbols/symbolizer.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace unpaired {

/// What one look saw.
struct Look {
    Tally tally;
    std::string name; ///< what is followed: "server (process 4711)"
    bool running = false;
    bool another_program = false; ///< than at the look before: the process has exec'd
    uint64_t not_recorded = 0;
    double reading_s = 0; ///< how long it took, on the clock
    double cpu_s = 0;     ///< and of a processor
    std::string done;     ///< what came of what was to be done beside; "" if nothing was
};

/// What a look does beside looking, in each trace.
enum class BesideLook { nothing, mark, snapshot };

class Following {
public:
    /// `targets` are process ids, traces, and with `firmware` (ELF files) streams. Throws Trouble or InputError
    /// if one of them cannot be followed: nobody writes into it any more, or it is not there.
    Following(const std::vector<std::string> &targets, const std::vector<std::string> &firmware,
              const ReportOptions &options);

    /// Reads everything again, then does what `beside` says. Not to be called by two threads at once. Throws InputError.
    Look look(BesideLook beside);

    /// Whether somebody whom the last look saw recording still does. Costs next to nothing; not to be called while a
    /// look is under way.
    bool still_running() const;

private:
    /// A trace by its descriptor: the file stays the same when it is moved or removed at the program's end.
    struct Source {
        Descriptor fd;
        std::string path;            ///< of the descriptor, in /proc/self/fd; of a stream its own
        std::optional<uint32_t> pid; ///< as it was named; its trace is another one after an exec
        bool stream = false;
        std::vector<uint32_t> pids; ///< whose images count: those that ran at the last look where any did
        size_t runs = 0;
        TallyNames names;
    };

    static Source open_source(const std::string &target, bool with_firmware);
    Trace read(Source &source) const;

    std::vector<Source> sources_;
    std::vector<FirmwareElf> firmware_;
    std::vector<OwnerRule> rules_;
    Symbolizer symbolizer_;
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
    std::string name_;
};

} // namespace unpaired
