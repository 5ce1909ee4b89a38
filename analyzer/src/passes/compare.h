// What changed between two reports: for `unpaired diff`, and for --baseline.
#pragma once

#include "report.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace unpaired {

/// From what a reader looks for last to what he looks for first.
enum class Change { unchanged, gone, shrunk, grown, added };

/// What told that a finding has grown or shrunk.
enum class Measure { count, per_cycle, severity };

/// A finding of a program in one report, summed up over the program's images.
struct Occurrence {
    Finding
        finding; ///< of the worst image; count, bytes, acquired, released, per_cycle and parts of them all
    uint64_t cycles = 0;
    size_t images = 0;
    TraceInfo trace; ///< of the worst image
};

struct Difference {
    Change change = Change::unchanged;
    Measure by = Measure::count; ///< of what has grown or shrunk
    std::string program;         ///< without its folder
    std::optional<Occurrence> before, after;

    /// As it is now, or was.
    const Occurrence &latest() const { return after ? *after : *before; }
    const Finding &finding() const { return latest().finding; }
    /// Whether it is suppressed now, or was when it was seen last.
    bool suppressed() const { return !finding().suppressed_by.empty(); }
    /// Whether it is new or grown, not suppressed, and at least that severe.
    bool counts(Severity least) const;
};

struct Comparison {
    std::vector<std::string> programs;   ///< of both reports, without their folders, ascending
    std::vector<Difference> differences; ///< by program, then new ones first, each kind worst first
    std::vector<std::string> remarks;
};

/// Compares two reports. A finding is the same in both if its program (by file name, as folders differ between
/// machines) and its id are; images of one program are summed up. If each report has one program and they are
/// called differently, they are taken for the same, and a remark says so.
///
/// It has grown if more is left: per cycle if both reports tell that and their numbers of cycles differ (a cycle's
/// worth at either end of a run is no growth), else in all. It has grown too if it is more severe. Bytes alone do
/// not tell: the same leak may hold longer strings.
Comparison compare(const Report &before, const Report &after);

/// Sets Finding::baseline of what `baseline` has, with a remark where it has grown, and puts the report back into
/// order. Remarks of the report tell what is in the baseline and no longer found, and which programs it lacks.
void mark_baseline(Report &report, const Report &baseline);

} // namespace unpaired
