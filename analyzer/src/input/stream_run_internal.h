// One run of a device: what its records add up to.
#pragma once

#include "input/firmware_elf.h"
#include "input/model.h"
#include "input/stack_confirm.h"
#include "input/stream_scanner.h"
#include "unpaired/stream_format.h"

#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>

namespace unpaired {

/// How many of a stream's return addresses follow a call in the ELF file it is read with.
struct CallEvidence {
    std::map<uint64_t, bool> seen; ///< distinct addresses
    uint64_t unknown_names = 0;    ///< ids that are not in the dictionary
    bool against() const;
};

class StreamRun {
public:
    /// `beginning_seen`: the record with which the run began was read, so nothing came before. `cycle_function`:
    /// each call of it begins a cycle, instead of the device's marks; "" for none.
    StreamRun(const FirmwareElf &elf, const std::string &name, bool beginning_seen,
              const std::string &cycle_function, CallEvidence &evidence);

    void site(const StreamRecord &record);
    void event(const unpaired_record_event_64 &event);
    /// False if the time goes back: the device was restarted and the record that says so is missing.
    bool clock(const unpaired_record_clock &clock);
    void mark(uint32_t cycle, uint32_t time_ms);
    void other(const StreamRecord &record);

    bool is_empty() const { return !any_record_; }
    /// About how many bytes of memory the run takes.
    uint64_t memory() const;
    /// What it adds up to; the run is spent afterwards.
    Trace finish(const StackConfirmer &confirmer);

private:
    using Handle = std::pair<uint16_t, uint64_t>; // space and handle
    struct ReleasedAt {
        uint32_t acquire_site, release_site;
    };
    using SiteKey = std::tuple<uint16_t, uint16_t, uint32_t, uint8_t, std::vector<ScanWord>>;
    struct Told {
        uint32_t id = 0;
        bool known = false; // a SCAN_SITE was read; else only events speak of it
    };

    void count_event(uint16_t number);
    void begin_cycle_if_called(const unpaired_record_event_64 &event);
    const Function *function(uint8_t id);
    void acquire(const unpaired_record_event_64 &event, const Function &function, uint32_t site);
    void acquired_at_site(const unpaired_record_event_64 &event, const Function &function);
    void release(const unpaired_record_event_64 &event, const Function &function);
    void failed_release(const unpaired_record_event_64 &event, const Function &function);
    void other_anomaly(const unpaired_record_event_64 &event, const Function &function);
    Anomaly &anomaly(uint8_t kind, const unpaired_record_event_64 &event, uint16_t space,
                     uint32_t acquire_site, uint32_t first_release_site, const Slot *slot);
    uint32_t place_site(uint8_t function, uint64_t place, uint16_t family);
    uint32_t new_site(uint8_t function, uint16_t family);
    Slot *live(uint16_t space, uint64_t handle);
    void retire(uint16_t space, uint64_t handle);
    Counter &counter(uint32_t site);
    void see_address(uint64_t address);
    void tell_losses();
    void tell_untold_sites();
    void confirm_stacks(const StackConfirmer &confirmer);
    void take_slots();
    void correct_times();

    const FirmwareElf &elf_;
    CallEvidence &evidence_;
    const bool beginning_seen_;
    bool any_record_ = false;
    Trace trace_;
    std::optional<uint16_t> next_number_;
    std::optional<uint32_t> first_clock_ms_;
    uint32_t time_ms_ = 0, cycle_ = 0, acquisitions_ = 0;
    std::set<uint16_t> cycle_functions_; // ids of --cycle's
    uint32_t device_drops_[4] = {};
    std::map<std::pair<uint16_t, uint8_t>, Told> told_; // by the device's number and generation
    std::map<SiteKey, uint32_t> known_sites_;
    std::map<std::pair<uint8_t, uint64_t>, uint32_t> places_;   // by function and return address
    std::unordered_map<uint32_t, std::vector<ScanWord>> words_; // by site, not confirmed yet
    std::map<Handle, std::vector<Slot>> live_;
    std::map<Handle, ReleasedAt> released_;
    std::unordered_map<uint32_t, Counter> counters_;
    std::unordered_map<uint32_t, uint64_t> live_bytes_;
    std::map<std::tuple<uint8_t, uint8_t, uint32_t, uint32_t, int32_t>, size_t> anomalies_;
    size_t most_words_ = 0;
    uint32_t last_site_ = 0;
    uint64_t live_slots_ = 0, log_bytes_ = 0; // slots in live_; records that read_log() took
    uint64_t cut_stacks_ = 0, uncertain_stacks_ = 0;
};

} // namespace unpaired
