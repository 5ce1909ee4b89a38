// JUnit XML, as CI systems show it.
#pragma once

#include "writers/formats.h"

namespace unpaired {

/// Writes a test suite per image. In it is a test case for each finding that counts (a failure if it is as severe as
/// `options.fail_on`) or is suppressed or as in the baseline (skipped), and one that passes for each rule without such a finding. Names of
/// test cases hold no numbers that change from run to run.
void write_junit(std::ostream &out, const Report &report, const WriteOptions &options);

} // namespace unpaired
