// The report as plain data: what the passes make and the writers print. Field names follow the JSON of
// DESIGN.md §2 (docs/report.md). No behaviour here but total orders.
#pragma once

#include "rare.h"
#include "series.h"
#include "stack.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace unpaired {

enum class Severity { note, suspect, leak };
enum class Growth { once, plateau, sawtooth, step, linear };

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
    Stack stack;
    Frame at = {}; ///< the frame of `stack` to look at, chosen as Finding::blame is; empty if not known
};

struct EndedBy {
    std::string function;
    Stack stack;
};

/// What held lost blocks last: the only pointer that is left to each stands in memory that was freed with it.
struct LastHolder {
    uint64_t count = 0;   ///< of how many of the finding's blocks this is known; it may be true of more
    uint64_t size = 0;    ///< bytes of the block it stands in
    std::string function; ///< that freed that block: "free"
    Frame at = {}; ///< the frame of `stack` to look at, chosen as Finding::blame is; empty if not known
    Stack stack;
};

/// When what a finding holds will meet (or met) a limit.
struct Forecast {
    uint64_t limit = 0;
    std::string limit_name; ///< "RLIMIT_NOFILE", "FD_SETSIZE", "NUM_SOCKETS", "--limit socket=512"
    uint64_t at_acquisition = 0;
    bool reached = false;
    uint32_t at_cycle = 0;   ///< 0 if the run has no cycles, or the finding does not grow by them
    double after_s = 0;      ///< since the image began; 0 if that cannot be told
    std::string failed = {}; ///< the function that was the first to fail for want of them; "" if none did
    int error = 0;           ///< its errno, "errno" in JSON
    uint64_t failed_at = 0;  ///< which call of it from the finding's place that was; 0 if that cannot be told
};

/// An acquisition much like a finding's that balances: it shows how the finding's should have ended.
struct Sibling {
    std::string function; ///< the acquirer
    Frame blame;
    uint64_t acquired = 0, released = 0;
    std::string released_by; ///< the function that releases it, "" if not known
    bool operator==(const Sibling &) const = default;
};

/// What an earlier report (--baseline) has of a finding, summed up over the images of its program.
struct Baseline {
    uint64_t count = 0, bytes = 0;
    double per_cycle = 0; ///< 0 if that report does not tell it
    bool grown = false;   ///< it has become more or more severe since: it counts like a new one
    bool operator==(const Baseline &) const = default;
};

struct Finding {
    std::string id;   ///< fingerprint, 16 hexadecimal digits
    std::string rule; ///< "never-released", ... (DESIGN §2)
    Severity severity = Severity::note;
    std::string family, function, owner;
    uint64_t count = 0, bytes = 0, acquired = 0, released = 0;
    /// The most bytes that were live at a time at each of its call sites, summed up; an upper bound where several call
    /// sites or threads acquired them.
    uint64_t peak_bytes = 0;
    uint64_t each =
        0; ///< the bytes of one of those that are left; 0 if they differ, have none or are not known
    std::map<std::string, Part> parts; ///< by family
    std::optional<Growth> growth;
    double per_cycle = 0;
    int incident = 0; ///< Incident::id, 0 if it stands alone
    /// The survivors summed up over the run, ascending by x, at most 64 points; empty where ages are not known.
    Series series;
    Rare<Sibling> sibling;
    std::string reachability = "unknown"; ///< "lost|possibly|reachable|unknown": the worst of its blocks
    Reached reached;
    std::string held_by; ///< who holds a block of it, "" if nobody does or that is not known
    Rare<LastHolder> last_holder;
    std::vector<Preview> preview; ///< of up to three of its blocks, the worst held first
    Frame blame;
    Stack stack; ///< innermost first; [0] is the caller of `function`
    /// The lines of one function of the stack, outside `blame`, that called from there: where its acquisitions differ
    /// in nothing else. In the order of the lines, of one file; empty if there is but one.
    std::vector<Frame> callers;
    std::string
        through; ///< the library function that `blame` called to come to `function`; "" if there is none
    Rare<FailedRelease> failed_release;
    Rare<EndedBy> ended_by; ///< the release that did it: first of a double one, the free around a lock, ...
    Rare<Forecast> forecast;
    std::vector<std::string> remarks; ///< sentences for a person
    std::string suppressed_by;        ///< the suppression line that folds it, "" if none
    Rare<Baseline> baseline; ///< the same finding in the baseline; unset if it is new, or without a baseline

    /// Whether the user has decided to live with it: then it counts for no exit status and is folded into a line.
    bool accepted() const { return !suppressed_by.empty() || (baseline && !baseline->grown); }
};

/// Findings that grow in step: one fault, seen at several call sites.
struct Incident {
    int id = 0;            ///< 1, 2, ... within the image, worst first
    std::string per_cycle; ///< "1 lwIP socket, 2 heap blocks (40 B)"; "" without cycles
    std::string sentence;  ///< "each of 38 reconnects leaves 1 lwIP socket and 2 blocks (40 B), owner MQTT"
    std::vector<std::string> findings; ///< their ids, worst first
    uint32_t cycles = 0;               ///< in how many it grew
    bool operator==(const Incident &) const = default;
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
    bool every_event = false; ///< counts, bytes and peaks were told from the log of every event
    uint32_t cycles = 0;
    /// Where the cycles come from: "marks", "function" (--cycle), "found"; "" without any.
    std::string cycle_source;
    /// What a cycle is called: the marks' common name, or the function that begins one; "" if it has no name.
    std::string cycle_name;
    bool damaged = false; ///< parts of the trace are missing
};

/// A file that code of the image's stacks was mapped from.
struct ImageModule {
    std::string path;
    std::string build_id;        ///< hexadecimal, "" if the file has none
    uint64_t start = 0, end = 0; ///< of the mapped code, as it ran
    bool operator==(const ImageModule &) const = default;
};

/// What one process image did. `remarks` say what the report rests on: damage, drops, a foreign allocator, a
/// child that could not be recorded, descriptors of unknown origin.
struct ImageReport {
    TraceInfo trace;
    std::map<std::string, FamilyTotals> totals;
    std::map<std::string, OwnerTotals> owners;
    std::vector<Incident> incidents;
    std::vector<Finding> findings;    ///< worst first
    std::vector<ImageModule> modules; ///< those that frames of the findings lie in, by address
    std::string series_unit;          ///< of Finding::series: "cycle" or "second"; "" if none has one
    std::vector<std::string> remarks;
};

/// A line of --suppressions that matched nothing.
struct UnusedSuppression {
    std::string origin; ///< "file:line"
    std::string text;   ///< the line as written
    bool operator==(const UnusedSuppression &) const = default;
};

struct Report {
    std::vector<ImageReport> images;  ///< worst first
    std::vector<std::string> remarks; ///< about the whole: unreadable files, broken suppression lines
    std::vector<UnusedSuppression> unused_suppressions; ///< in the order of the files
};

} // namespace unpaired
