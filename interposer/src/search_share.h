// Limits the time of the memory search at exit to a share of the program's life.
#pragma once

#include "own_memory.h"

namespace unpaired {

/// Returns true for a forked child that acquired little: the search would mostly read its parent's memory.
bool is_small_child(size_t blocks, uint64_t bytes);
/// Returns true if such a child is not searched. Only the first images of a trace are searched, since children of one
/// kind leak alike.
bool is_one_of_many();

class SearchShare {
public:
    /// Measures the program's life so far. `blocks` is the number of its live blocks.
    explicit SearchShare(size_t blocks);

    Budget budget() const;
    /// Returns true if the process has so much memory that a search would certainly exceed its time.
    bool is_too_small() const { return needed_us_ > allowed_us_; }
    /// Returns the reason why the search did not start, or stopped. The text belongs to this object.
    const char *explain(bool begun);

private:
    uint64_t life_us_, allowed_us_, needed_us_, began_us_;
    char text_[192];
};

} // namespace unpaired
