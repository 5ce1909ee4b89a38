// Who has which addresses: the first to claim one keeps it.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace unpaired {

class AddressMap {
public:
    /// Claims what is still free of `start` to `end` - 1, and returns those pieces, ascending.
    std::vector<std::pair<uint64_t, uint64_t>> claim(uint64_t start, uint64_t end);

private:
    std::map<uint64_t, uint64_t> claimed_; // start → end, apart from each other
};

} // namespace unpaired
