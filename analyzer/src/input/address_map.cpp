#include "input/address_map.h"

#include <algorithm>
#include <iterator>

namespace unpaired {

std::vector<std::pair<uint64_t, uint64_t>> AddressMap::claim(uint64_t start, uint64_t end)
{
    std::vector<std::pair<uint64_t, uint64_t>> free;
    if (start >= end)
        return free;
    auto at = claimed_.upper_bound(start);
    if (at != claimed_.begin() && std::prev(at)->second >= start)
        --at;
    uint64_t from = start, merged_start = start, merged_end = end;
    while (at != claimed_.end() && at->first <= end) {
        if (at->first > from)
            free.emplace_back(from, at->first);
        from = std::max(from, at->second);
        merged_start = std::min(merged_start, at->first);
        merged_end = std::max(merged_end, at->second);
        at = claimed_.erase(at);
    }
    if (from < end)
        free.emplace_back(from, end);
    claimed_[merged_start] = merged_end;
    return free;
}

} // namespace unpaired
