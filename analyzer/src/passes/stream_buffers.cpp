#include "passes/stream_buffers.h"

#include "passes/blame.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>

namespace unpaired {
namespace {

// A recorder's clock (CLOCK_MONOTONIC_COARSE) stands still for up to this long.
constexpr uint32_t clock_step_ms = 10;
constexpr size_t standard_streams = 3;

/// glibc's two: a stream of wide characters has one for the file's bytes and one for the characters.
constexpr std::array<std::string_view, 2> makers = {"_IO_file_doallocate", "_IO_wfile_doallocate"};

// libio's functions that work on stdin or stdout without being told so
constexpr std::array<std::string_view, 14> of_standard_streams = {
    "printf",  "vprintf",          "__printf_chk", "__vprintf_chk",  "puts",   "putchar", "putchar_unlocked",
    "getchar", "getchar_unlocked", "scanf",        "__isoc99_scanf", "vscanf", "wprintf", "putwchar"};

template <size_t N> bool one_of(std::string_view name, const std::array<std::string_view, N> &names)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

struct Buffer {
    uint32_t slot = 0; ///< index into Trace::slots
    std::string_view maker;
    bool of_standard_stream = false;
};

// a part's whole, by the part
using Wholes = std::unordered_map<uint32_t, uint32_t>;

class Adoption {
public:
    Adoption(const Trace &trace, PairedImage &image, const StackOfSite &stack_of)
        : trace_(trace), image_(image), stack_of_(stack_of)
    {}

    void adopt()
    {
        find_buffers();
        if (buffers_.empty())
            return;
        find_streams();
        for (const PartOf &part : image_.parts)
            wholes_.emplace(part.part, part.whole);
        std::vector<Buffer> unclear;
        for (const Buffer &buffer : buffers_)
            if (const auto whole = whole_by_memory(buffer.slot))
                give(buffer, *whole);
            else
                unclear.push_back(buffer);
        by_time(unclear);
        std::map<std::string_view, std::vector<uint32_t>> left;
        for (const Buffer &buffer : unclear)
            if (const auto stream = of_library(buffer) ? std::nullopt : latest_without(buffer))
                give(buffer, *stream);
            else if (!lost(buffer.slot))
                left[buffer.maker].push_back(buffer.slot);
        for (const auto &[maker, slots] : left)
            if (slots.size() <= standard_streams) // more than that are of streams that nobody saw opened
                image_.library_buffers.insert(slots.begin(), slots.end());
        move_to_parts();
    }

private:
    bool is_stream(uint32_t slot) const
    {
        auto space = trace_.dictionary.spaces.find(trace_.slots[slot].space);
        return space != trace_.dictionary.spaces.end() && space->second.name == "stream";
    }

    const Held *held(uint32_t slot) const
    {
        return slot < trace_.held.size() && trace_.held[slot].state != Reachability::unknown
                   ? &trace_.held[slot]
                   : nullptr;
    }

    bool lost(uint32_t slot) const
    {
        const Held *known = held(slot);
        return known != nullptr && known->state == Reachability::lost;
    }

    /// Whether it is surely of stdin or stdout: by who made it, or because their FILE, in the C library's data, holds it.
    bool of_library(const Buffer &buffer) const
    {
        const Held *known = held(buffer.slot);
        return buffer.of_standard_stream || (known != nullptr && known->holder == UNPAIRED_HOLDER_DATA);
    }

    void find_buffers()
    {
        for (const SiteTally &tally : image_.sites) {
            if (tally.live.empty())
                continue;
            const Stack stack = stack_of_(tally.site);
            if (stack.empty() || !is_runtime_frame(stack.front()))
                continue;
            const auto maker = std::find(makers.begin(), makers.end(), stack.front().function);
            if (maker == makers.end())
                continue;
            const auto outside = std::find_if_not(stack.begin(), stack.end(), is_runtime_frame);
            const bool standard = std::any_of(stack.begin(), outside, [](const Frame &frame) {
                return one_of(frame.function, of_standard_streams);
            });
            for (uint32_t slot : tally.live)
                buffers_.push_back({slot, *maker, standard});
        }
    }

    void find_streams()
    {
        for (const SiteTally &tally : image_.sites)
            for (uint32_t slot : tally.live)
                if (is_stream(slot))
                    streams_.push_back({slot, {}, false});
        by_time(streams_);
    }

    void by_time(std::vector<Buffer> &slots) const
    {
        std::sort(slots.begin(), slots.end(), [&](const Buffer &a, const Buffer &b) {
            return std::tuple(trace_.slots[a.slot].time_ms, a.slot) <
                   std::tuple(trace_.slots[b.slot].time_ms, b.slot);
        });
    }

    /// The resource whose block holds the buffer: a stream, or what the C library made for a stream that is none of
    /// the table's (fmemopen).
    std::optional<uint32_t> whole_by_memory(uint32_t slot) const
    {
        const Held *known = held(slot);
        if (known == nullptr || known->by_slot == Held::no_slot ||
            trace_.slots[known->by_slot].image != image_.image)
            return std::nullopt;
        if (const auto part = wholes_.find(known->by_slot); part != wholes_.end())
            return is_stream(part->second) ? std::optional(part->second) : std::nullopt;
        const Stack stack = stack_of_(trace_.slots[known->by_slot].site);
        return !stack.empty() && is_runtime_frame(stack.front()) ? std::optional(known->by_slot)
                                                                 : std::nullopt;
    }

    std::optional<uint32_t> latest_without(const Buffer &buffer) const
    {
        const Slot &made = trace_.slots[buffer.slot];
        std::optional<uint32_t> of_any_thread;
        for (auto stream = streams_.rbegin(); stream != streams_.rend(); ++stream) {
            const Slot &opened = trace_.slots[stream->slot];
            if (opened.time_ms > made.time_ms + clock_step_ms ||
                given_.contains({stream->slot, buffer.maker}))
                continue;
            if (opened.thread == made.thread)
                return stream->slot;
            if (!of_any_thread)
                of_any_thread = stream->slot;
        }
        return of_any_thread;
    }

    void give(const Buffer &buffer, uint32_t whole)
    {
        given_.insert({whole, buffer.maker});
        adopted_.emplace(buffer.slot, whole);
    }

    void move_to_parts()
    {
        for (SiteTally &tally : image_.sites) {
            const auto adopted =
                std::stable_partition(tally.live.begin(), tally.live.end(),
                                      [&](uint32_t slot) { return !adopted_.contains(slot); });
            tally.parts.insert(tally.parts.end(), adopted, tally.live.end());
            tally.live.erase(adopted, tally.live.end());
        }
        for (const auto &[part, whole] : adopted_)
            image_.parts.push_back({part, whole});
        std::sort(image_.parts.begin(), image_.parts.end(), [](const PartOf &a, const PartOf &b) {
            return std::tie(a.whole, a.part) < std::tie(b.whole, b.part);
        });
    }

    const Trace &trace_;
    PairedImage &image_;
    const StackOfSite &stack_of_;
    std::vector<Buffer> buffers_, streams_;
    Wholes wholes_, adopted_;
    std::set<std::pair<uint32_t, std::string_view>> given_; ///< streams that have theirs, by kind
};

} // namespace

void adopt_stream_buffers(const Trace &trace, std::vector<PairedImage> &images, const StackOfSite &stack_of)
{
    for (PairedImage &image : images)
        Adoption(trace, image, stack_of).adopt();
}

} // namespace unpaired
