// What a reader should know before the findings one by one.
#pragma once

#include "report.h"

#include <string>
#include <vector>

namespace unpaired {

/// A line for each incident and each limit that was or will be met, with the numbers of the findings it is about.
/// Of a finding that stands alone its twin is told too, and no number.
/// `shown` are the image's findings in the order of their numbers, from 1; of those left out nothing is told.
std::vector<std::string> first_lines(const ImageReport &image, const std::vector<const Finding *> &shown);

} // namespace unpaired
