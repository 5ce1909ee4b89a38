// What the cycles of an image are, and in which of them its survivors were acquired.
#pragma once

#include "input/model.h"
#include "passes/group.h"
#include "passes/growth.h"
#include "passes/pair.h"
#include "passes/symbolise.h"

#include <cstdint>
#include <string>
#include <vector>

namespace unpaired {

class Wrappers;

struct Cycles {
    std::string source, name;       ///< as TraceInfo::cycle_source, cycle_name
    uint32_t first = 0;             ///< numbers of the trace go from here, before the image's first, ...
    uint32_t count = 0;             ///< ... to first + count; 0: there are none
    bool numbered = false;          ///< slots know their cycle; else it is told by begun_ms, or not at all
    std::vector<uint32_t> begun_ms; ///< where it could be told from the times: when each began, ascending
    std::string remark;             ///< what they rest on, if they were not given; "" otherwise

    /// Whether each survivor's cycle is known.
    bool placed() const { return numbered || !begun_ms.empty(); }
};

/// The cycles that somebody gave: the calls of `function` (--cycle; "" if not asked for), else those of the function
/// the recording was told of, else the marks. Of a function that the recording was not told of, only the number of
/// calls is known, and when they were made if all that they acquired is left. None if there were none.
Cycles given_cycles(const Trace &trace, const PairedImage &image, const Run &run,
                    const std::string &function);

/// Looks for cycles where none were given: the call whose repetition divides the run. That is a call made so often
/// that what `findings` (judged without cycles) leave is a small multiple of it. A finding is not evidence for its own
/// call alone, and the clock must not contradict. Of several, the one that most findings agree on; sockets, threads
/// and other handles rather than memory.
Cycles find_cycles(const std::vector<Described> &findings, const Trace &trace, const PairedImage &image,
                   const Run &run, Stacks &stacks, const Wrappers &wrappers, const std::string &program);

/// Gives each survivor its cycle, from 0, before the image's first; 0 where it is not known.
void place_in_cycles(std::vector<Described> &findings, const Cycles &cycles);

/// How a finding grew over those cycles, or by the clock where there are none.
GrowthVerdict growth_of(const Described &finding, const Cycles &cycles, const Run &run);

/// How often functions of this name were called in all images of a trace, so far as it tells: acquirers are counted,
/// of releasers (and of all functions, where the recording was told of another one) only those calls that began
/// cycles.
struct CallsTold {
    bool known = false;   ///< there is such a function, and it acquires or releases
    bool counted = false; ///< `calls` says how often it was called; else that was not recorded
    uint64_t calls = 0;
};
CallsTold calls_told(const Trace &trace, const std::string &function);

} // namespace unpaired
