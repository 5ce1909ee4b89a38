#include "input/read_trace.h"

#include "input/bytes.h"
#include "input/event_reader.h"
#include "input/log_reader.h"
#include "input/reach_reader.h"
#include "input/site_stacks.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <set>

namespace unpaired {
namespace {

constexpr uint64_t page_size = UNPAIRED_TRACE_PAGE;
constexpr uint64_t longest_extent = UINT64_C(256) << 20; // recorders make extents of up to 64 pages
constexpr uint64_t most_memory = UINT64_C(1) << 30;      // for the contents of a trace
constexpr size_t slots_per_page = page_size / sizeof(unpaired_slot);

unpaired_file_header read_header(const Bytes &input, const std::string &name)
{
    unpaired_file_header header{};
    size_t n = input.copy(0, &header, sizeof header);
    if (n == 0)
        throw InputError(fmt::format("{}: is empty; the program may not have been recorded at all", name));
    if (n < sizeof header.magic || std::memcmp(header.magic, UNPAIRED_TRACE_MAGIC, sizeof header.magic) != 0)
        throw InputError(fmt::format(
            "{}: is not an unpaired trace; name a .trace file that `unpaired record` made", name));
    if (n < sizeof header)
        throw InputError(
            fmt::format("{}: is too short for a trace ({} bytes, the header alone has {}); was it "
                        "copied completely?",
                        name, n, sizeof header));
    if (header.major != UNPAIRED_TRACE_MAJOR)
        throw InputError(
            fmt::format("{}: has trace format {}.{}, this unpaired reads {}.x; use the version that "
                        "recorded it",
                        name, header.major, header.minor, UNPAIRED_TRACE_MAJOR));
    if (header.page != page_size)
        throw InputError(fmt::format("{}: has pages of {} bytes instead of {}; its header is damaged", name,
                                     header.page, page_size));
    return header;
}

/// Whether these bytes begin an extent beyond reasonable doubt. Only kinds of this version are believed where
/// an extent was not expected.
bool begins_extent(const unpaired_extent &extent)
{
    return extent.magic == UNPAIRED_EXTENT_MAGIC && extent.kind >= UNPAIRED_EXTENT_LOG &&
           extent.kind <= UNPAIRED_EXTENT_EVENTS && extent.pages > 0 &&
           std::all_of(std::begin(extent.reserved), std::end(extent.reserved),
                       [](uint32_t word) { return word == 0; });
}

class Reader {
public:
    Reader(const Bytes &input, const std::string &name, Events events)
        : input_(input), header_(read_header(input, name)), events_wanted_(events == Events::read)
    {
        trace_.path = name;
        trace_.source = header_.source;
        trace_.machine = header_.machine;
        trace_.major = header_.major;
        trace_.minor = header_.minor;
        trace_.address_size = header_.address_size;
        trace_.first_pid = header_.first_pid;
        trace_.control = header_.control;
        trace_.cycles = header_.cycle;
        trace_.started_realtime_ns = header_.started_realtime_ns;
        std::copy(std::begin(header_.drops), std::end(header_.drops), std::begin(trace_.drops));
        trace_.damage = input.damage;
    }

    Trace read()
    {
        walk();
        cut_stacks_ = cut_broken_stacks(trace_);
        gather_counters();
        sort();
        check_references();
        reach_.settle(trace_, input_);
        const bool whole =
            truncated_bytes_ + damaged_pages_ + overlong_extents_ + siteless_slots_ + left_out_bytes_ == 0 &&
            input_.damage.empty();
        events_.settle(trace_, input_, whole);
        tell_damage();
        trace_.checksum_failed = !input_.damage.empty();
        trace_.damaged =
            truncated_bytes_ + damaged_pages_ + overlong_extents_ + gaps_.damaged_bytes + left_out_bytes_ >
                0 ||
            trace_.checksum_failed;
        return std::move(trace_);
    }

private:
    void walk()
    {
        const uint64_t size = input_.size(), handed_out = uint64_t{header_.next_page} * page_size;
        // Behind what was handed out an extent may follow all the same: made while we read, or the header's
        // count is damaged. Anything else there is unused room.
        for (uint64_t at = page_size; at < size;) {
            unpaired_extent extent{};
            if (input_.copy(at, &extent, sizeof extent) < sizeof extent)
                break;
            bool expected = extent.magic == UNPAIRED_EXTENT_MAGIC && extent.pages > 0 &&
                            extent.pages <= (std::max(handed_out, size) - at + page_size - 1) / page_size;
            if (expected && extent.kind > UNPAIRED_EXTENT_EVENTS) {
                at += uint64_t{extent.pages} * page_size;
                skipped_kinds_++;
            } else if (expected || begins_extent(extent)) {
                at += read_extent(at, extent);
            } else if (at >= handed_out) {
                break;
            } else {
                skip_page(at, extent);
                at += page_size;
            }
        }
        if (handed_out > size)
            truncated_bytes_ = handed_out - size;
    }

    void skip_page(uint64_t at, const unpaired_extent &beginning)
    {
        const auto *bytes = reinterpret_cast<const uint8_t *>(&beginning);
        bool zero = std::all_of(bytes, bytes + sizeof beginning, [](uint8_t b) { return b == 0; });
        if (zero) {
            blank_pages_++;
        } else if (damaged_pages_++ == 0) {
            first_damaged_page_ = at;
        }
    }

    /// Reads the extent at `at`; returns how many bytes to go on by.
    uint64_t read_extent(uint64_t at, const unpaired_extent &extent)
    {
        uint64_t walked = uint64_t{extent.pages} * page_size;
        if (walked > longest_extent) {
            walked = longest_extent;
            overlong_extents_++;
        }
        uint64_t length = std::min(walked, input_.size() - at);
        words_.resize((length + 3) / 4);
        length = input_.copy(at, words_.data(), length) & ~uint64_t{7};
        // A damaged length must not swallow the extents behind: one that begins inside ends this one.
        for (uint64_t inner = page_size; inner + sizeof(unpaired_extent) <= length; inner += page_size) {
            unpaired_extent other;
            std::memcpy(&other, &words_[inner / 4], sizeof other);
            if (begins_extent(other)) {
                length = walked = inner;
                overlong_extents_++;
                break;
            }
        }
        if (memory_ > most_memory) {
            left_out_bytes_ += length;
            return walked;
        }
        memory_ += memory_of(extent.kind, length);
        trace_.images.try_emplace(extent.image).first->second.id = extent.image;
        if (length > sizeof extent) {
            std::span<const uint32_t> content(&words_[sizeof extent / 4], (length - sizeof extent) / 4);
            if (extent.kind == UNPAIRED_EXTENT_LOG)
                gaps_ += read_log(content, extent.used, trace_);
            else if (extent.kind == UNPAIRED_EXTENT_SLOTS)
                read_slots(content, at + sizeof extent, extent.image);
            else if (extent.kind == UNPAIRED_EXTENT_EVENTS)
                note_events(extent, at, length);
            else if (extent.kind == UNPAIRED_EXTENT_REACH)
                reach_.add(content, extent.used, extent.image, trace_);
            else
                read_counters(content, extent);
        }
        return walked;
    }

    /// Returns about how much memory the contents of an extent take. Slots are counted later, when they are kept,
    /// since most may be free.
    static uint64_t memory_of(uint16_t kind, uint64_t length)
    {
        constexpr uint64_t records = 3, counters = 2;
        return kind == UNPAIRED_EXTENT_LOG        ? length * records
               : kind == UNPAIRED_EXTENT_COUNTERS ? length * counters
               : kind == UNPAIRED_EXTENT_REACH    ? length * records
                                                  : 0;
    }

    void read_slots(std::span<const uint32_t> content, uint64_t offset, uint16_t image)
    {
        size_t count = content.size() * 4 / sizeof(unpaired_slot);
        events_.add_slots(count);
        std::vector<unpaired_slot> again;
        if (input_.may_change()) {
            // While two copies of a slot are the same, no store fell between them.
            again.resize(count);
            again.resize(input_.copy(offset, again.data(), count * sizeof(unpaired_slot)) /
                         sizeof(unpaired_slot));
            count = std::min(count, again.size());
        }
        for (size_t i = 0; i < count; i++) {
            unpaired_slot slot;
            std::memcpy(&slot, &content[i * sizeof slot / 4], sizeof slot);
            uint64_t slot_offset = offset + i * sizeof slot;
            if (!again.empty() && std::memcmp(&slot, &again[i], sizeof slot) != 0 &&
                !settle(slot_offset, again[i], slot)) {
                unsettled_slots_++;
                continue;
            }
            if ((slot.sequence & 1) != 0)
                keep(slot, static_cast<uint32_t>(slot_offset / sizeof slot), image);
            else if ((slot.flags & UNPAIRED_SLOT_AWAY) != 0)
                add_away(image, slot);
        }
    }

    void add_away(uint16_t image, const unpaired_slot &slot)
    {
        constexpr uint64_t of_a_site = 80; // about
        memory_ += of_a_site;
        if (memory_ <= most_memory)
            events_.add_away(image, slot);
    }

    void note_events(const unpaired_extent &extent, uint64_t at, uint64_t length)
    {
        if (events_wanted_)
            events_.add(extent, at, length);
    }

    /// Copies a slot that is being written until two copies are the same.
    bool settle(uint64_t offset, unpaired_slot last, unpaired_slot &slot) const
    {
        for (int attempt = 0; attempt < 100; attempt++) {
            if (input_.copy(offset, &slot, sizeof slot) < sizeof slot)
                return false;
            if (std::memcmp(&slot, &last, sizeof slot) == 0)
                return true;
            last = slot;
        }
        return false;
    }

    void keep(const unpaired_slot &raw, uint32_t reference, uint16_t image)
    {
        Slot slot;
        slot.reference = reference;
        slot.image = image;
        slot.space = raw.space;
        slot.flags = raw.flags;
        slot.handle = raw.handle;
        slot.size = raw.size;
        slot.sequence = raw.sequence;
        slot.site = raw.site;
        slot.time_ms = raw.time_ms;
        slot.cycle = raw.cycle;
        slot.thread = raw.thread;
        slot.parent = raw.parent;
        slot.parent_sequence = raw.parent_sequence;
        slot.release_site = raw.release_site;
        slot.observed = raw.observed;
        slot.observed_result = raw.observed_result;
        if (raw.descriptor != 0)
            slot.descriptor = raw.descriptor - 1u;
        trace_.slots.push_back(slot);
        memory_ += sizeof slot + sizeof(Held);
    }

    void read_counters(std::span<const uint32_t> content, const unpaired_extent &extent)
    {
        size_t blocks = content.size() * 4 / sizeof(unpaired_counter_block);
        for (size_t b = 0; b < blocks; b++) {
            unpaired_counter_block block;
            std::memcpy(&block, &content[b * sizeof block / 4], sizeof block);
            if (block.first_site % UNPAIRED_COUNTERS_PER_BLOCK != 0)
                continue;
            for (uint32_t i = 0; i < UNPAIRED_COUNTERS_PER_BLOCK; i++) {
                const unpaired_counter &c = block.counter[i];
                uint32_t site = block.first_site + i;
                if (site == 0 || (c.acquired == 0 && c.failed == 0 && c.released_unseen == 0))
                    continue;
                trace_.counters.push_back(
                    {extent.image, site, c.acquired, c.bytes, c.peak_bytes, c.failed, c.released_unseen, {}});
            }
        }
    }

    void gather_counters()
    {
        std::vector<Counter> &all = trace_.counters;
        std::sort(all.begin(), all.end(), [](const Counter &a, const Counter &b) {
            return std::pair(a.image, a.site) < std::pair(b.image, b.site);
        });
        size_t kept = 0;
        for (size_t i = 0; i < all.size(); i++) {
            if (kept > 0 && all[kept - 1].image == all[i].image && all[kept - 1].site == all[i].site) {
                Counter &sum = all[kept - 1];
                sum.acquired += all[i].acquired;
                sum.bytes += all[i].bytes;
                sum.peak_bytes += all[i].peak_bytes;
                sum.failed += all[i].failed;
                sum.released_unseen += all[i].released_unseen;
            } else {
                all[kept++] = all[i];
            }
        }
        all.resize(kept);
    }

    void sort()
    {
        // Threads log into extents of their own: only the times tell an order.
        std::stable_sort(trace_.marks.begin(), trace_.marks.end(),
                         [](const Mark &a, const Mark &b) { return a.cycle < b.cycle; });
        std::stable_sort(trace_.modules.begin(), trace_.modules.end(),
                         [](const Module &a, const Module &b) { return a.generation < b.generation; });
        std::stable_sort(trace_.ends.begin(), trace_.ends.end(),
                         [](const End &a, const End &b) { return a.time_ms < b.time_ms; });
        std::sort(trace_.slots.begin(), trace_.slots.end(),
                  [](const Slot &a, const Slot &b) { return a.reference < b.reference; });
    }

    /// Drops slots that cannot be told about: their site's record is missing.
    void check_references()
    {
        auto unknown = [&](const Slot &slot) { return !trace_.sites.contains(slot.site); };
        auto first = std::remove_if(trace_.slots.begin(), trace_.slots.end(), unknown);
        siteless_slots_ = static_cast<uint64_t>(trace_.slots.end() - first);
        trace_.slots.erase(first, trace_.slots.end());
    }

    void tell_damage()
    {
        auto tell = [&](uint64_t bytes, std::string sentence) {
            trace_.missing_bytes += bytes;
            trace_.damage.push_back(std::move(sentence));
        };
        if (truncated_bytes_ > 0)
            tell(truncated_bytes_,
                 fmt::format("the file is truncated: it ends after {} bytes, {} bytes are missing",
                             input_.size(), truncated_bytes_));
        if (damaged_pages_ > 0)
            tell(damaged_pages_ * page_size,
                 fmt::format(
                     "{} bytes are damaged and were skipped: {} pages that begin no extent, the first at "
                     "offset {}",
                     damaged_pages_ * page_size, damaged_pages_, first_damaged_page_));
        if (left_out_bytes_ > 0)
            tell(left_out_bytes_,
                 fmt::format("{} bytes of the trace are left out: what it holds takes more than {} MiB "
                             "of memory",
                             left_out_bytes_, most_memory >> 20));
        if (blank_pages_ > 0)
            tell(blank_pages_ * page_size,
                 fmt::format("{} bytes are blank: handed out but never set up by a writer that died, or lost",
                             blank_pages_ * page_size));
        if (overlong_extents_ > 0)
            tell(0, fmt::format("{} extents had a damaged length", overlong_extents_));
        if (gaps_.damaged_bytes > 0)
            tell(gaps_.damaged_bytes,
                 fmt::format("{} bytes of the log are damaged and were skipped, in {} places",
                             gaps_.damaged_bytes, gaps_.places));
        if (gaps_.unfinished_bytes > 0)
            tell(gaps_.unfinished_bytes,
                 fmt::format("{} bytes of the log were begun and never finished", gaps_.unfinished_bytes));
        if (gaps_.undecodable > 0)
            tell(0, fmt::format("{} log records make no sense and were skipped", gaps_.undecodable));
        if (gaps_.unknown > 0 || skipped_kinds_ > 0)
            tell(0, fmt::format(
                        "{} records and {} extents are of kinds that format {}.{} added and were skipped",
                        gaps_.unknown, skipped_kinds_, trace_.major, trace_.minor));
        if (cut_stacks_ > 0)
            tell(
                0,
                fmt::format(
                    "{} stacks are cut: the record of the call site whose outer frames they share is missing",
                    cut_stacks_));
        if (siteless_slots_ > 0)
            tell(siteless_slots_ * sizeof(unpaired_slot),
                 fmt::format(
                     "{} live acquisitions ({} bytes of the ledger) are not in the report: the record of "
                     "their call site is missing",
                     siteless_slots_, siteless_slots_ * sizeof(unpaired_slot)));
        if (unsettled_slots_ > 0)
            tell(0, fmt::format("{} slots were changing all the time while they were read and were left out",
                                unsettled_slots_));
    }

    const Bytes &input_;
    unpaired_file_header header_;
    Trace trace_;
    std::vector<uint32_t> words_; // the extent at hand; kept to reuse its memory
    LogGaps gaps_;
    ReachReader reach_;
    bool events_wanted_;
    EventReader events_;
    uint64_t cut_stacks_ = 0, memory_ = 0, left_out_bytes_ = 0;
    uint64_t damaged_pages_ = 0, first_damaged_page_ = 0, blank_pages_ = 0, truncated_bytes_ = 0;
    uint64_t overlong_extents_ = 0, skipped_kinds_ = 0, siteless_slots_ = 0, unsettled_slots_ = 0;
};

} // namespace

static_assert(slots_per_page * sizeof(unpaired_slot) == page_size,
              "slots stand on 64-byte boundaries of the file");

Trace read_trace(const std::string &path, Events events)
{
    return Reader(*open_bytes(path), path, events).read();
}

Trace read_trace(std::span<const uint8_t> bytes, const std::string &name, Events events)
{
    return Reader(*wrap_bytes(bytes, name), name, events).read();
}

bool looks_like_trace(std::span<const uint8_t> beginning)
{
    return beginning.size() >= 8 && std::memcmp(beginning.data(), UNPAIRED_TRACE_MAGIC, 8) == 0;
}

} // namespace unpaired
