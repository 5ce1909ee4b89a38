// A trace as plain data: what the file says, decoded and validated, without any judgement. Members that the
// format enumerates are plain numbers, since a later version or damage may have put another value there.
#pragma once

#include "unpaired/trace_format.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace unpaired {

struct Space {
    std::string name;
    uint8_t kind = UNPAIRED_KIND_NUMBERED; ///< enum unpaired_space_kind
};

struct Family {
    std::string name;    ///< "socket"
    std::string display; ///< what a person calls it
    uint16_t space = 0;
};

struct Function {
    std::string name;
    uint8_t role = UNPAIRED_ROLE_ACQUIRE; ///< enum unpaired_role
    uint16_t family = 0;                  ///< acquirers: what they yield by default
    uint16_t space = 0;
};

/// The trace's own names. Ids are private to the trace.
struct Dictionary {
    std::map<uint16_t, Space> spaces;
    std::map<uint16_t, Family> families;
    std::map<uint16_t, Function> functions;
};

/// A process that writes into the file. Times are milliseconds since the file was made.
struct Image {
    uint16_t id = 0, parent = 0;
    uint32_t pid = 0, parent_pid = 0, time_ms = 0;
    uint32_t cycle = 0; ///< cycles begun before it
    bool forked = false;
    bool recorded = false; ///< its IMAGE record was read; else it is only known from its extents
    std::string program;
    std::vector<std::string> command;
    // of a device, which tells its time and may restart while it is captured
    uint32_t last_ms = 0;   ///< the latest time it told, 0 if it has no clock
    uint16_t run = 0;       ///< 1, 2, ...; 0: the capture holds one run
    bool restarted = false; ///< another run follows
};

/// A file mapped for execution.
struct Module {
    uint16_t image = 0;
    uint32_t time_ms = 0, generation = 0;
    uint64_t start = 0, end = 0, bias = 0;
    std::string build_id; ///< hexadecimal, "" if the file has none
    std::string path;
};

struct ModuleGone {
    uint16_t image = 0;
    uint32_t time_ms = 0;
    uint64_t bias = 0, start = 0;
};

/// A function called from a stack on behalf of an owner.
struct Site {
    uint32_t id = 0;
    uint16_t function = 0, family = 0;
    uint32_t owner = 0;                            ///< owner_tag.h; 0 is none
    uint8_t owner_source = UNPAIRED_OWNER_UNKNOWN; ///< enum unpaired_owner_source
    uint16_t image = 0; ///< that interned it: its module map explains the addresses
    uint32_t generation = 0;
    std::vector<uint64_t> stack; ///< return addresses, innermost first; without those of `outer`
    uint32_t outer = 0; ///< UNPAIRED_SITE_OUTER of the frames that follow: see addresses_of(); 0: none do
};

/// A live acquisition.
struct Slot {
    uint32_t reference = 0; ///< offset in the file / 64
    uint16_t image = 0;     ///< of its extent
    uint8_t space = 0, flags = 0;
    uint64_t handle = 0, size = 0;
    uint32_t sequence = 0, site = 0, time_ms = 0, cycle = 0, thread = 0;
    uint32_t parent = 0, parent_sequence = 0;
    uint32_t release_site = 0; ///< where a release of it last failed, or 0
    uint16_t observed = 0;
    int16_t observed_result = 0;
    std::optional<uint32_t> descriptor; ///< of a stream: the one inside it
};

/// The sum over an image's shards for one site.
struct Counter {
    uint16_t image = 0;
    uint32_t site = 0;
    uint64_t acquired = 0, bytes = 0, peak_bytes = 0, failed = 0, released_unseen = 0;
    std::optional<uint64_t> released; ///< where every event was recorded: releases that were seen
};

struct Thread {
    uint16_t image = 0;
    uint32_t tid = 0, time_ms = 0;
    std::string name;
    bool ended = false;
    uint32_t ended_ms = 0;
};

struct Mark {
    uint16_t image = 0;
    uint32_t cycle = 0, time_ms = 0;
    std::string name;
};

struct Anomaly {
    uint16_t image = 0;
    uint8_t kind = UNPAIRED_ANOMALY_RELEASE_FAILED; ///< enum unpaired_anomaly_kind
    uint8_t space = 0;
    uint16_t function = 0, observed = 0;
    uint32_t acquire_site = 0, release_site = 0, first_release_site = 0;
    int32_t result = 0, error = 0, observed_result = 0;
    uint32_t first_ms = 0, last_ms = 0;
    uint64_t handle = 0, size = 0; ///< of its first occurrence
    uint32_t cycles = 0, last_cycle = 0, count = 0;
    uint64_t bytes = 0;
};

struct Limit {
    uint16_t image = 0, space = 0;
    std::string name;
    uint64_t value = 0;
};

/// One part of a table of what the kernel had open; parts of the same image and time make up the table.
struct Descriptors {
    uint16_t image = 0;
    uint32_t time_ms = 0, cycle = 0, first = 0;
    std::vector<uint64_t> words; ///< 64 descriptors each, lowest first
};

struct End {
    uint16_t image = 0;
    uint8_t kind = UNPAIRED_END_EXIT; ///< enum unpaired_end_kind
    int32_t status = 0;
    uint32_t time_ms = 0;
    std::string text; ///< exec: the new program
};

struct ChildEnd {
    uint16_t image = 0; ///< that waited for it; 0: the launcher
    uint32_t pid = 0, time_ms = 0;
    int32_t wait_status = 0;
};

struct Exec {
    uint16_t image = 0, flags = 0;
    uint32_t pid = 0, time_ms = 0;
    std::string program;
};

struct Note {
    uint16_t image = 0, note = 0;
    std::string text;
};

/// Where a Trace comes from; continues enum unpaired_source with what is never written into a file.
enum : uint8_t { source_core = 100, source_ram = 101 };

enum class Reachability : uint8_t { unknown, reachable, possibly, lost }; // the worse the greater

/// What memory says of the block of a slot.
struct Held {
    static constexpr uint32_t no_slot = UINT32_MAX;
    Reachability state = Reachability::unknown;
    bool indirect = false;                 ///< lost, but held by another lost block
    uint8_t holder = UNPAIRED_HOLDER_NONE; ///< enum unpaired_reach_holder
    uint32_t tid = 0;                      ///< whose stack or register holds it
    std::string by;                        ///< "g_sessions + 8 (.bss)"; "" where it is yet to be named
    uint32_t by_slot = no_slot;            ///< index of the slot whose block holds it
    uint64_t at = 0;                       ///< where the pointer stands
    bool interior = false;                 ///< it points into the middle
    uint32_t freed_site = 0; ///< lost: where the block was freed that the pointer at `at` stands in, or 0
    uint64_t freed_size = 0; ///< of that block
    std::vector<uint8_t> beginning; ///< of its contents
};

/// When somebody looked at the memory of an image.
struct MemoryLook {
    uint32_t time_ms = 0, cycle = 0;
};

/// The first bytes of the block of a slot.
struct BlockBeginning {
    uint32_t slot = 0, sequence = 0,
             time_ms = 0; ///< reference of the slot, and for which sequence this is true
    std::vector<uint8_t> bytes;
};

struct Trace {
    std::string path;
    uint8_t source = UNPAIRED_SOURCE_PRELOAD; ///< enum unpaired_source, source_core, source_ram
    uint16_t machine = 0, major = 0, minor = 0;
    uint8_t address_size = 8;
    uint32_t first_pid = 0, control = 0, cycles = 0;
    std::string cycle_function; ///< each call of it began a cycle; "" where marks did
    uint64_t started_realtime_ns = 0;
    uint64_t drops[UNPAIRED_DROP_KINDS] = {};

    Dictionary dictionary;
    std::map<uint16_t, Image> images;
    std::vector<Module> modules; ///< as recorded, earliest first
    std::vector<ModuleGone> modules_gone;
    std::unordered_map<uint32_t, Site> sites;
    std::unordered_map<uint32_t, Thread> threads;
    std::vector<Mark> marks;
    std::vector<Anomaly> anomalies;
    std::vector<Limit> limits;
    std::vector<Descriptors> descriptors;
    std::vector<End> ends;
    std::vector<ChildEnd> child_ends;
    std::vector<Exec> execs;
    std::vector<Note> notes;
    std::vector<Slot> slots;                ///< live ones only, by ascending reference
    std::vector<Counter> counters;          ///< one per (image, site), sorted by both
    std::vector<Held> held;                 ///< beside `slots`; empty where nobody looked at memory
    std::map<uint16_t, MemoryLook> looks;   ///< the latest at memory, by image
    std::vector<BlockBeginning> beginnings; ///< as recorded; `held` has those of live slots

    std::set<uint16_t> told_by_events; ///< images whose counters were told anew from every event

    uint64_t events_lost = 0; ///< of a stream: known to have happened, but not what

    /// Sentences that say what could not be read; empty for an intact file.
    std::vector<std::string> damage;
    bool damaged = false;         ///< bytes that the recorder has written are missing
    bool checksum_failed = false; ///< of a stored trace: parts are missing, with unknown contents
    uint64_t missing_bytes = 0;   ///< as far as known

    /// Set by the command for a trace whose processes were looked up: images with these pids still run.
    std::vector<uint32_t> running_pids;
    uint32_t now_ms = 0; ///< when that was, as other times are; 0 if nothing ran, or that is not known
};

/// Whether it is of a firmware: a device, which does not end as a process does.
inline bool of_firmware(const Trace &trace)
{
    return trace.source == UNPAIRED_SOURCE_WRAP || trace.source == source_ram;
}

} // namespace unpaired
