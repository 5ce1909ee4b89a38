// Which findings the formats show that have no way to fold the rest away: sarif, folded, pprof.
#pragma once

#include "report.h"

#include <map>
#include <string>
#include <vector>

namespace unpaired {

/// Whether a finding is shown without --all, as in the text report: it is more than a note, and
/// neither suppressed nor as in the baseline.
bool counts(const Finding &finding);

/// The names of the images of a report.
class ImageNames {
public:
    explicit ImageNames(const Report &report);

    /// Returns the file name of the image's program, with the pid if other images have the same name ("worker
    /// (4711)"); "?" if the program is not known.
    std::string of(const ImageReport &image) const;

private:
    std::map<std::string, size_t> namesakes_; // number of images whose program has that file name
};

/// What a frame is called in a flame graph: the function, else the module, else the address.
std::string frame_name(const Frame &frame);

struct UnpairedFinding {
    const ImageReport *image = nullptr; ///< the finding's
    const Finding *finding = nullptr;
};

/// The findings of which something is still unpaired, in the report's order: what a profile of unpaired
/// resources is made of. A double release is none of them, nor a release of what was never acquired.
std::vector<UnpairedFinding> unpaired_findings(const Report &report, bool all);

} // namespace unpaired
