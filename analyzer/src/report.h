// The report as plain data: what the passes make and the writers print. Field names follow the JSON of
// DESIGN.md §2 (docs/report.md). No behaviour here but total orders.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace unpaired {

enum class Severity { note, suspect, leak };
enum class Growth { once, plateau, sawtooth, step, linear };

/// One frame of a symbolised stack. An inlined call has its own frame, with the address of the code it was
/// inlined into. `file` is as the debug information spells it; empty if unknown, and `line` then 0.
struct Frame {
    std::string function; ///< demangled; "" if unknown
    std::string file;
    int line = 0;
    std::string module;   ///< path of the file the code lies in; "" if none
    uint64_t address = 0; ///< as it ran: a return address, except in the innermost frame of a signal
    bool inlined = false;
    bool operator==(const Frame &) const = default;
};

struct Part {
    uint64_t count = 0, bytes = 0;
};

/// The blocks of a finding by how memory holds them. All zero where there was no memory to look at, as at the end
/// of a process that was only traced.
struct Reached {
    Part lost;            ///< nothing points to them
    Part indirectly_lost; ///< only lost blocks point to them
    Part possibly;        ///< only a doubtful pointer: into the middle, or in a place that may be out of use
    Part reachable;
    bool any() const { return lost.count + indirectly_lost.count + possibly.count + reachable.count > 0; }
};

/// The first bytes of a block.
struct Preview {
    uint64_t address = 0;
    std::vector<uint8_t> bytes;
    bool operator==(const Preview &) const = default;
};

struct FailedRelease {
    std::string function;
    int result = 0;
    int error = 0; ///< errno, "errno" in JSON
    uint64_t count = 0;
    std::string preceded_by; ///< the last observer before (shutdown); "" if none
    int preceded_by_result = 0;
    std::vector<Frame> stack;
};

struct EndedBy {
    std::string function;
    std::vector<Frame> stack;
};

struct Forecast {
    uint64_t limit = 0;
    std::string limit_name;
    uint64_t at_acquisition = 0;
    bool reached = false;
};

struct Finding {
    std::string id;   ///< fingerprint, 16 hexadecimal digits
    std::string rule; ///< "never-released", ... (DESIGN §2)
    Severity severity = Severity::note;
    std::string family, function, owner;
    uint64_t count = 0, bytes = 0, acquired = 0, released = 0;
    std::map<std::string, Part> parts; ///< by family
    std::optional<Growth> growth;
    double per_cycle = 0;
    std::string reachability = "unknown"; ///< "lost|possibly|reachable|unknown": the worst of its blocks
    Reached reached;
    std::string held_by;          ///< who holds a block of it, "" if nobody does or that is not known
    std::vector<Preview> preview; ///< of up to three of its blocks, the worst held first
    Frame blame;
    std::vector<Frame> stack; ///< innermost first; [0] is the caller of `function`
    std::optional<FailedRelease> failed_release;
    std::optional<EndedBy>
        ended_by; ///< the release that did it: first of a double one, the free around a lock, ...
    std::optional<Forecast> forecast;
    std::vector<std::string> remarks; ///< sentences for a person
    std::string suppressed_by;        ///< the suppression line that folds it, "" if none
};

struct FamilyTotals {
    uint64_t acquired = 0, released = 0, released_unseen = 0, unpaired = 0, unpaired_bytes = 0,
             failed_releases = 0;
    uint64_t failed = 0; ///< acquisitions that failed
};

struct OwnerTotals {
    uint64_t unpaired = 0, unpaired_bytes = 0;
};

struct TraceInfo {
    std::string source; ///< "preload|wrap|core|ram"
    std::string program;
    std::vector<std::string> command;
    int pid = 0, parent = 0;
    std::string end; ///< "exit|signal:N|exec|running|truncated"; of a device also "restarted"
    int run = 0;     ///< of a device that restarted while it was captured: 1, 2, ...; else 0
    double duration_s = 0;
    uint64_t events = 0, events_lost = 0;
    uint32_t cycles = 0;
};

/// What one process image did. `remarks` say what the report rests on: damage, drops, a foreign allocator, a
/// child that could not be recorded, descriptors of unknown origin.
struct ImageReport {
    TraceInfo trace;
    std::map<std::string, FamilyTotals> totals;
    std::map<std::string, OwnerTotals> owners;
    std::vector<Finding> findings; ///< worst first
    std::vector<std::string> remarks;
};

struct Report {
    std::vector<ImageReport> images;  ///< worst first
    std::vector<std::string> remarks; ///< about the whole: unused suppressions, unreadable files
};

} // namespace unpaired
