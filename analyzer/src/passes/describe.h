// What one process image was and how it ended, and what its report rests on.
#pragma once

#include "input/model.h"
#include "passes/growth.h"
#include "passes/pair.h"
#include "report.h"

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace unpaired {

/// `device`: a firmware, which does not end, or ends as a machine does, without giving anything back.
enum class Ending { exit, signal, exec, running, truncated, device };

struct ImageFacts {
    TraceInfo info;
    Ending ending = Ending::truncated;
    Run run;
    std::vector<std::string> remarks;
};

/// The processes of all traces of a report by their number: the parent that waited for a process may be in another
/// trace. Refers to the traces.
class Processes {
public:
    explicit Processes(const std::vector<Trace> &traces);

    /// Returns the ends of the process that its parents recorded, in the order of the traces.
    const std::vector<const ChildEnd *> &ends_of(uint32_t pid) const;
    /// Returns those that one of the traces contains.
    const std::vector<const ChildEnd *> &ends_of(uint32_t pid, const Trace &trace) const;
    bool is_recorded(uint32_t pid) const { return recorded_.contains(pid); }

private:
    using Ends = std::unordered_map<uint32_t, std::vector<const ChildEnd *>>;
    static const std::vector<const ChildEnd *> &find(const Ends &ends, uint32_t pid);

    Ends ends_;
    std::map<const Trace *, Ends> ends_by_trace_;
    std::unordered_set<uint32_t> recorded_;
};

ImageFacts describe(const Trace &trace, const PairedImage &image, const Processes &processes);

} // namespace unpaired
