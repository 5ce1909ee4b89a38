#include "commands/mark.h"

#include "commands/open_descriptors.h"
#include "commands/running.h"
#include "writers/text_clean.h"

#include <fmt/format.h>
#include <vector>

namespace unpaired {

std::string mark_name_problem(const std::string &name)
{
    constexpr size_t longest = 255; // bytes
    if (name.find_first_not_of(" \t\r\n\v\f") == std::string::npos)
        return "a mark wants a name: unpaired ctl PID mark NAME";
    if (cleaned(name) != name)
        return fmt::format(
            "a mark's name is a line of text, and '{}' has a character that is none (shown as ?)",
            cleaned(name));
    if (name.size() > longest)
        return fmt::format("a mark's name has at most {} bytes, and this one {}", longest, name.size());
    return {};
}

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
