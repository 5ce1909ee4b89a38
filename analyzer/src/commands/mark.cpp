#include "commands/mark.h"

#include "commands/running.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

namespace unpaired {
namespace {

/// What the kernel has open in process `pid`, as a bitmap; nothing if it may not be looked at.
std::vector<uint64_t> open_descriptors(uint32_t pid)
{
    std::vector<uint64_t> words;
    std::error_code ignored;
    for (const auto &entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid), ignored)) {
        const std::optional<uint32_t> fd = pid_of_text(entry.path().filename().string());
        if (!fd)
            continue;
        words.resize(std::max<size_t>(words.size(), *fd / 64 + 1));
        words[*fd / 64] |= uint64_t{1} << (*fd % 64);
    }
    return words;
}

void add_descriptors(LogRecords &records, const Image &image, uint32_t time_ms, uint32_t cycle)
{
    constexpr size_t words_per_record = 1024; // 8 KiB: a record's length has 16 bits
    const std::vector<uint64_t> words = open_descriptors(image.pid);
    for (size_t at = 0; at < words.size(); at += words_per_record) {
        const size_t n = std::min(words_per_record, words.size() - at);
        unpaired_record_descriptors record = {};
        record.image = image.id;
        record.n_words = static_cast<uint16_t>(n);
        record.time_ms = time_ms;
        record.cycle = cycle;
        record.first = static_cast<uint32_t>(at * 64);
        records.add(UNPAIRED_RECORD_DESCRIPTORS, record,
                    std::string_view(reinterpret_cast<const char *>(&words[at]), n * sizeof words[0]));
    }
}

/// Those of the trace's images that still run, one per process: after a fork and a fork, the youngest.
std::vector<Image> running_images(const Trace &trace)
{
    std::map<uint32_t, Image> by_pid;
    for (const auto &[id, image] : trace.images)
        if (std::find(trace.running_pids.begin(), trace.running_pids.end(), image.pid) !=
            trace.running_pids.end())
            by_pid[image.pid] = image;
    std::vector<Image> found;
    for (const auto &[pid, image] : by_pid)
        found.push_back(image);
    return found;
}

} // namespace

uint32_t begin_cycle(LiveTrace &live, const Trace &trace, const std::string &name)
{
    const uint32_t cycle = live.begin_cycle();
    const uint32_t now = live.now_ms();
    const std::vector<Image> images = running_images(trace);
    LogRecords records;
    unpaired_record_mark record = {};
    record.image = images.front().id;
    record.name_len = static_cast<uint16_t>(name.size());
    record.cycle = cycle;
    record.time_ms = now;
    records.add(UNPAIRED_RECORD_MARK, record, name);
    for (const Image &image : images)
        add_descriptors(records, image, now, cycle);
    live.append(records, images.front().id);
    return cycle;
}

} // namespace unpaired
