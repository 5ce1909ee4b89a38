#include "writers/selection.h"

#include "rules.h"
#include "writers/text_facts.h"
#include "writers/text_words.h"

#include <algorithm>
#include <fmt/format.h>

namespace unpaired {

bool counts(const Finding &finding) { return !finding.accepted() && finding.severity > Severity::note; }

ImageNames::ImageNames(const Report &report)
{
    for (const ImageReport &image : report.images)
        namesakes_[base_name(image.trace.program)]++;
}

std::string ImageNames::of(const ImageReport &image) const
{
    const std::string name = image.trace.program.empty() ? "?" : base_name(image.trace.program);
    const auto known = namesakes_.find(base_name(image.trace.program));
    return known != namesakes_.end() && known->second > 1
               ? fmt::format("{} ({})", name, which_text(image.trace))
               : name;
}

std::string frame_name(const Frame &frame)
{
    if (!frame.function.empty())
        return frame.function;
    if (!frame.module.empty())
        return fmt::format("[{}]", base_name(frame.module));
    return fmt::format("{:#x}", frame.address);
}

std::vector<UnpairedFinding> unpaired_findings(const Report &report, bool all)
{
    std::vector<UnpairedFinding> found;
    for (const ImageReport &image : report.images)
        for (const Finding &finding : image.findings) {
            const Rule *rule = find_rule(finding.rule);
            if (finding.count > 0 && (!rule || rule->left_behind) && (all || counts(finding)))
                found.push_back({&image, &finding});
        }
    return found;
}

} // namespace unpaired
