// How a number of unpaired acquisitions grew, told from the ages of those that are left.
#pragma once

#include "report.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace unpaired {

/// When a survivor was acquired: in which cycle, and how long after the trace began.
struct Age {
    uint32_t cycle = 0, time_ms = 0;
};

/// The run the ages lie in.
struct Run {
    uint32_t cycles = 0; ///< in all: cycle numbers go from 0, before the first, to this; 0 if ages know none
    uint32_t start_ms = 0, end_ms = 0;
    uint32_t duration_ms() const { return end_ms > start_ms ? end_ms - start_ms : 0; }
};

struct GrowthVerdict {
    std::optional<Growth> growth;
    double per_cycle = 0; ///< mean number per cycle, if it grew over cycles; else 0
    /// It grew over three cycles or more and did so until the end. Never true by the clock alone, which does not
    /// tell a leak from a working set.
    bool over_cycles = false;
    bool still_growing = false; ///< by cycles or by the clock
    /// All of it is of the run's first quarter, and later nothing more was kept. Says more of a device, where
    /// start-up acquires for life, than of a program.
    bool at_start = false;
};

/// Judges the ages of all survivors of one finding; `released`: how many of their kind were given back. A leak's are
/// spread over the run, a cache's lie at its start, a sawtooth's in its last period.
///
/// The first cycles are warm-up and the last one is a period of grace: what was acquired in them may be there for
/// good or still in flight, so growth must show between them. Growth that gets rarer and rarer (a cache that fills,
/// a pool that doubles) is none that goes on.
GrowthVerdict judge_growth(const std::vector<Age> &ages, const Run &run, uint64_t released = 0);

/// How many of `count` each of `cycles` cycles left, where that is so by their number alone: a small multiple of the
/// cycles, or of all but the one that was under way, or with one or two of a warm-up more. 0 if it is none.
uint64_t left_by_each(uint64_t count, uint64_t cycles);

/// The same for a run whose cycles are counted, but not when each began: the number of survivors tells, and the clock
/// must not contradict. Over cycles only if the clock says so too, in a run of a second or more.
GrowthVerdict judge_growth_by_number(uint64_t count, const std::vector<Age> &ages, const Run &run,
                                     uint32_t cycles, uint64_t released = 0);

/// The survivors summed up over the run: at most 64 points, ascending by x, the last at the run's end. By cycle if
/// the run has cycles, else by second; empty if there are no ages, or the run is too short for its clock.
std::vector<GrowthPoint> sum_up(const std::vector<Age> &ages, const Run &run);

} // namespace unpaired
