// How long the search of memory at exit may take: a share of the program's life.
#pragma once

#include "own_memory.h"

namespace unpaired {

/// Returns true for a forked child that acquired little: the search would read its parent's memory above all.
bool is_small_child(size_t blocks, uint64_t bytes);
/// Returns true if such a child is not searched. The first images of a trace are: children of one kind leak alike.
bool is_one_of_many();

class SearchShare {
public:
    /// Measures the program's life so far. `blocks`: those it acquired and still has.
    explicit SearchShare(size_t blocks);

    Budget budget() const;
    /// Returns true if the memory of the process is so large that a search would certainly not be done in time.
    bool is_too_small() const { return needed_us_ > allowed_us_; }
    /// Says why the search was not begun, or stopped. The text is this object's.
    const char *explain(bool begun);

private:
    uint64_t life_us_, allowed_us_, needed_us_, began_us_;
    char text_[192];
};

} // namespace unpaired
