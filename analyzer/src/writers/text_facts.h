// What is known of one finding or one image beside its stacks, a line each.
#pragma once

#include "report.h"

#include <string>
#include <vector>

namespace unpaired {

/// Counts, growth, parts, failed releases, forecast and remarks, as far as there are any. `alone`: without what the
/// first lines tell of a finding that stands alone, its limit and its twin.
std::vector<std::string> finding_facts(const Finding &finding, const TraceInfo &trace = {},
                                       bool alone = false);

/// Whether the first lines tell the finding's limit. Where it is the finding, its sentence does.
bool is_limit_told_first(const Finding &finding);

/// The acquisition that balances: "the twin socket at pipe.c:50 is closed by close: 9 of 9". It must have one.
std::string sibling_text(const Finding &finding);

/// The suppressions that matched nothing, as a block of lines that begins with an empty one; none if there are none.
std::vector<std::string> unused_suppressions_texts(const Report &report);
/// When a limit was or will be met: "RLIMIT_NOFILE (1,024) will be reached in cycle 1,010, after about 2 h",
/// "RLIMIT_NOFILE (1,024) was reached after 3 s: the 1,021st accept4 failed (EMFILE)".
std::string forecast_text(const Forecast &forecast);

/// What stands before the function in Finding::ended_by: "first released by", "memory freed by".
std::string ended_by_intro(const Finding &finding);

/// What stands before the stack of Finding::failed_release, which must be there: "lwip_close failed", and of a double
/// release "freed again by free".
std::string failed_release_intro(const Finding &finding);

/// What tells an image from others of the same program: its process, its run on a device.
std::string which_text(const TraceInfo &trace);

/// What it was and how it ended, for the headline: "process 4711, killed by SIGABRT".
std::string about_text(const TraceInfo &trace);

} // namespace unpaired
