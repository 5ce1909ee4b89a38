#include "commands/open_descriptors.h"

#include "commands/running.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
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

} // namespace

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

} // namespace unpaired
