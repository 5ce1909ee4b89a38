// Which acquisitions of each image met their release: the ledger's slots, the counters and the anomalies put
// side by side.
#pragma once

#include "input/model.h"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace unpaired {

/// What became of the acquisitions of one site in one image. Every acquisition is released, released unseen,
/// lost (retired by an anomaly), or has a live slot.
struct SiteTally {
    uint32_t site = 0;
    uint64_t acquired = 0, bytes = 0, released = 0, released_unseen = 0, failed = 0, lost = 0;
    uint64_t peak_bytes = 0;     ///< most that was live at a time; an upper bound over several threads
    std::vector<uint32_t> live;  ///< indices into Trace::slots: resources in their own right
    std::vector<uint32_t> parts; ///< indices of slots that belong to another live one
};

/// A slot that belongs to another: fopen's FILE block to the stream.
struct PartOf {
    uint32_t part = 0, whole = 0; ///< indices into Trace::slots; `whole` is the outermost
};

/// Records that apply to all images of a trace.
struct TraceRecords {
    /// The last record of each limit, whichever image wrote it, by space and name.
    std::map<std::pair<uint16_t, std::string>, const Limit *> last_limits;
    std::string mark_name; ///< of all marks, "" if they differ
};

/// The records of a trace about one image, each kind in the order of the trace. A trace may contain ten thousand
/// images: a search of the whole trace for each of them would take quadratic time.
struct ImageRecords {
    std::vector<const Anomaly *> anomalies;
    std::vector<const End *> ends;
    std::vector<const Exec *> execs;
    std::vector<const Note *> notes; ///< including those of the whole trace
    std::vector<const Limit *> limits;
    std::vector<const Descriptors *> descriptors;
    uint32_t last_slot_ms = 0, last_slot_cycle = 0, last_mark_ms = 0;
    std::shared_ptr<const TraceRecords> of_trace;
};

struct PairedImage {
    uint16_t image = 0;
    ImageRecords records;
    std::vector<SiteTally> sites;       ///< ascending by site
    std::vector<PartOf> parts;          ///< ascending by whole
    uint64_t unknown_descriptors = 0;   ///< open at the last look, above 2, and never seen acquired
    uint64_t stream_descriptors = 0;    ///< inside live streams and directories
    std::set<uint32_t> library_buffers; ///< of the live slots: see adopt_stream_buffers()
};

/// Pairs the acquisitions of every image of the trace, ascending by image. Descriptors that the kernel no
/// longer had at the last table count as released unseen.
std::vector<PairedImage> pair(const Trace &trace);

} // namespace unpaired
