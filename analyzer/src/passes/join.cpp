#include "passes/join.h"

#include "passes/judge.h"

#include <algorithm>
#include <utility>

namespace unpaired {
namespace {

void append(std::vector<std::string> &all, std::vector<std::string> more)
{
    for (std::string &one : more)
        if (std::find(all.begin(), all.end(), one) == all.end())
            all.push_back(std::move(one));
}

void settle(ImageReport &image, const std::vector<OwnerRule> &rules, Suppressions &suppressions)
{
    for (Finding &finding : image.findings)
        if (std::optional<std::string> owner = match_rules(rules, finding.stack))
            finding.owner = *owner;
    apply_suppressions(suppressions, image);
    std::sort(image.findings.begin(), image.findings.end(),
              [](const Finding &a, const Finding &b) { return worse(a, b); });
}

/// What stands in both lists.
std::vector<UnusedSuppression> common(const std::vector<UnusedSuppression> &a,
                                      const std::vector<UnusedSuppression> &b)
{
    std::vector<UnusedSuppression> both;
    std::copy_if(a.begin(), a.end(), std::back_inserter(both), [&b](const UnusedSuppression &line) {
        return std::find(b.begin(), b.end(), line) != b.end();
    });
    return both;
}

} // namespace

Report join_saved(Report now, std::vector<Report> saved, const AnalyzeOptions &options)
{
    Suppressions suppressions = options.suppressions;
    // without suppressions now, those of then: what no report of a test suite needed is not needed
    const bool of_then = suppressions.lines.empty() && now.images.empty();
    bool first = true;
    for (Report &report : saved) {
        for (ImageReport &image : report.images) {
            settle(image, options.owner_rules, suppressions);
            now.images.push_back(std::move(image));
        }
        append(now.remarks, std::move(report.remarks));
        if (of_then)
            now.unused_suppressions = first ? std::move(report.unused_suppressions)
                                            : common(now.unused_suppressions, report.unused_suppressions);
        first = false;
    }
    if (!of_then)
        now.unused_suppressions = common(now.unused_suppressions, unused_suppressions(suppressions));
    std::stable_sort(now.images.begin(), now.images.end(),
                     [](const ImageReport &a, const ImageReport &b) { return worse(a, b); });
    return now;
}

} // namespace unpaired
