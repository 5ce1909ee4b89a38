// Makes traces in memory, byte for byte as a recorder would, and the symbols that belong to them.
#pragma once

#include "passes/symbolise.h"
#include "unpaired/trace_events.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace unpaired::test {

struct SlotSpec {
    uint32_t site = 0;
    uint64_t handle = 0, size = 0;
    uint32_t time_ms = 0, cycle = 0, thread = 0;
    uint32_t parent = 0;       ///< what slot() returned for it, or 0
    uint32_t release_site = 0; ///< where a release failed
    uint8_t flags = 0;
    const char *observed = nullptr;
    int16_t observed_result = 0;
    uint16_t image = 1;
    bool live = true;
    int descriptor = -1; ///< of a stream
};

/// What a look at memory says of a slot.
struct ReachSpec {
    uint32_t slot = 0; ///< what slot() returned for it
    uint8_t state = UNPAIRED_REACH_LOST, holder = UNPAIRED_HOLDER_NONE;
    uint16_t flags = 0;
    uint32_t by = 0; ///< of a block: what slot() returned for it
    uint64_t at = 0;
    uint32_t sequence = 3; ///< that of a live slot
};

struct AnomalySpec {
    unpaired_anomaly_kind kind = UNPAIRED_ANOMALY_RELEASE_FAILED;
    const char *function = nullptr;
    uint32_t acquire_site = 0, release_site = 0, first_release_site = 0;
    int32_t result = 0, error = 0;
    uint32_t count = 1;
    const char *observed = nullptr;
    int32_t observed_result = 0;
    const char *space = nullptr;
    uint64_t bytes = 0;
    uint32_t cycles = 1, last_cycle = 0, first_ms = 0, last_ms = 0;
    uint16_t image = 1;
};

/// A trace of one program, /opt/server, with pid 100, and whatever else a test adds. The dictionary has the
/// families and functions that the tests speak of.
class TraceBuilder {
public:
    TraceBuilder();

    /// Frames are written "function", "function@file.c:12" (in /opt/server), or with a library before them:
    /// "libc.so.6!qsort", "libown.so!f". Equal texts are equal return addresses; "a|b" is one address with `a`
    /// inlined into `b`. Innermost first.
    uint32_t site(const std::string &function, const std::vector<std::string> &stack,
                  const char *owner = nullptr, unpaired_owner_source owner_source = UNPAIRED_OWNER_SCOPE,
                  uint16_t image = 1, uint32_t outer = 0);
    /// Returns what `parent` of another slot takes.
    uint32_t slot(const SlotSpec &spec);
    /// `count` slots alike, with handles counted up from `first_handle` and counters to match.
    void leak(uint32_t site, uint64_t count, uint64_t size = 0, uint64_t first_handle = 0x10000);
    void counter(uint32_t site, uint64_t acquired, uint32_t failed = 0, uint32_t released_unseen = 0,
                 uint16_t image = 1);
    void anomaly(const AnomalySpec &spec);
    void image(uint16_t id, uint32_t pid, uint16_t parent, uint32_t parent_pid, uint32_t time_ms = 0,
               uint32_t cycle = 0);
    void thread(uint32_t thread, uint32_t tid, const std::string &name, uint16_t image = 1);
    void thread_end(uint32_t thread, uint32_t time_ms);
    void mark(uint32_t cycle, uint32_t time_ms, const std::string &name = "");
    void limit(const char *space, const std::string &name, uint64_t value);
    void open_descriptors(const std::vector<uint32_t> &open, uint32_t time_ms, uint16_t image = 1);
    void end(unpaired_end_kind kind, uint32_t time_ms, uint16_t image = 1);
    void child_end(uint32_t pid, int wait_status, uint32_t time_ms);
    void exec(uint32_t pid, const std::string &program, uint16_t flags, uint32_t time_ms, uint16_t image = 1);
    void note(unpaired_note note, const std::string &text);
    /// One look at memory, in an extent of its own.
    void look(uint32_t time_ms, uint32_t cycle, const std::vector<ReachSpec> &found, uint16_t image = 1);
    /// The first bytes of the block of a slot.
    void preview(uint32_t slot, const std::string &bytes);
    /// An extent of a shard's events: numbers as the format has them, an event each; the shard's extents in order.
    void events(const std::vector<std::vector<uint64_t>> &events, uint64_t acquired_before = 0,
                uint32_t number = 0, uint32_t shard = 1, uint16_t image = 1);
    /// What acquisitions from a site add up to; counter() tells their number.
    void counted_bytes(uint32_t site, uint64_t bytes, uint64_t peak_bytes, uint16_t image = 1);
    /// A record of any type; `fixed` and `rest` are its payload.
    void record(uint8_t type, const void *fixed, size_t size, const std::string &rest = "");

    uint16_t function_id(const std::string &name) const { return functions_.at(name); }
    uint16_t space_id(const std::string &name) const { return spaces_.at(name); }

    /// The file's bytes.
    std::vector<uint8_t> bytes() const;
    /// Names for the addresses that site() made up.
    Symbolize symbols() const;

    unpaired_file_header header{};

private:
    uint64_t address_of(const std::string &frame);

    std::map<std::string, uint16_t> spaces_, families_, functions_;
    std::map<std::string, uint64_t> addresses_;
    std::map<std::string, uint64_t> next_address_; // by module
    std::map<uint64_t, std::vector<Frame>> frames_;
    std::vector<uint8_t> log_;
    std::vector<std::pair<SlotSpec, uint8_t>> slots_; // with their space
    struct LookSpec {
        unpaired_reach_look header{};
        uint16_t image = 1;
        std::vector<ReachSpec> found;
    };
    std::vector<LookSpec> looks_;
    std::vector<std::vector<uint8_t>> events_;               // extents
    std::vector<std::pair<uint32_t, std::string>> previews_; // by slot
    std::map<uint32_t, uint16_t> site_families_;
    std::map<uint16_t, uint16_t> family_spaces_, function_families_;
    std::map<std::pair<uint16_t, uint32_t>, unpaired_counter> counters_;
    uint32_t next_site_ = 1;
};

} // namespace unpaired::test
