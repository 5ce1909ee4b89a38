// How a number of unpaired acquisitions grew, told from the ages of those that are left.
#pragma once

#include "report.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace unpaired {

/// When a survivor was acquired: after how many marks, and how long after the trace began.
struct Age {
    uint32_t cycle = 0, time_ms = 0;
};

/// The run the ages lie in.
struct Run {
    uint32_t cycles = 0; ///< marks in all: cycle numbers go from 0 to this
    uint32_t start_ms = 0, end_ms = 0;
};

struct GrowthVerdict {
    std::optional<Growth> growth;
    double per_cycle = 0; ///< mean number per cycle, if it grew over cycles; else 0
    /// It grew over three cycles or more and did so until the end. Never true without marks: the clock alone
    /// does not tell a leak from a working set.
    bool over_cycles = false;
    bool still_growing = false; ///< by cycles or by the clock
    /// All of it is of the run's first quarter, and later nothing more was kept. Says more of a device, where
    /// start-up acquires for life, than of a program.
    bool at_start = false;
};

/// Judges the ages of all survivors of one finding. A leak's are spread over the run, a cache's lie at its
/// start, a sawtooth's in its last period.
GrowthVerdict judge_growth(const std::vector<Age> &ages, const Run &run);

} // namespace unpaired
