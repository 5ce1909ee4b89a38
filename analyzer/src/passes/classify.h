// From pairs and anomalies to cases: one for each fault that the trace's facts show, without symbols and
// without severities.
#pragma once

#include "input/model.h"
#include "passes/growth.h"
#include "passes/pair.h"

#include <cstdint>
#include <string>
#include <vector>

namespace unpaired {

/// A site's acquisitions of one family that were parts of the case's own.
struct PartTally {
    uint16_t family = 0;
    uint64_t count = 0, bytes = 0;
};

/// A release that failed, or that ended what it should not have.
struct ReleaseFacts {
    uint16_t function = 0; ///< 0: there is none
    uint32_t site = 0;     ///< where it was called; 0 if unknown
    int32_t result = 0, error = 0;
    uint64_t count = 0;
    uint16_t observed = 0; ///< the observer before it, or 0
    int32_t observed_result = 0;
};

/// One fault at one site. All ids are the trace's.
struct Case {
    std::string rule; ///< as in DESIGN §2; also "released-with-error" and "exec-inherited", always notes
    uint32_t site =
        0; ///< whose stack and owner it shows: the acquisition's, or the release's if that is unknown
    uint16_t function = 0, family = 0; ///< family 0: only the space is known
    uint16_t space = 0;
    uint64_t count = 0, bytes = 0, acquired = 0, released = 0;
    uint64_t each = 0;     ///< bytes of one survivor, if all have as many; else 0
    std::vector<Age> ages; ///< of the survivors
    uint32_t cycles = 0;   ///< without survivors: in how many distinct cycles it happened
    std::vector<PartTally> parts;
    ReleaseFacts
        failed; ///< the failed release; of a double release the second, of a mismatched one that release
    ReleaseFacts
        ended; ///< the release that did it: of a double release the first, the free around a lock, ...
    std::vector<std::string> remarks;
    std::vector<uint32_t> slots; ///< of the survivors: indices into Trace::slots
    bool standard_streams =
        false; ///< all of it are descriptors 0 to 2, or buffers of such streams: there to the end
    uint64_t highest_handle = 0; ///< of the survivors
    uint64_t lowest_address = 0; ///< for an order that does not depend on site numbers
};

/// Classifies one image. `ended_normally` tells whether it exited of its own accord: only then are locks that
/// its main thread still holds a case.
std::vector<Case> classify(const Trace &trace, const PairedImage &image, bool ended_normally);

} // namespace unpaired
