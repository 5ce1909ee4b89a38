#include "commands/mark.h"

#include "commands/open_descriptors.h"
#include "commands/running.h"

#include <vector>

namespace unpaired {
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
