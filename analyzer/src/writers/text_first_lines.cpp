#include "writers/text_first_lines.h"

#include "words.h"
#include "writers/text_facts.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <map>

namespace unpaired {
namespace {

/// "1, 2 and 5", the places of the findings that are meant.
template <typename Meant>
std::vector<std::string> numbers_of(const std::vector<const Finding *> &shown, Meant meant)
{
    std::vector<std::string> numbers;
    for (size_t i = 0; i < shown.size(); i++)
        if (meant(*shown[i]))
            numbers.push_back(fmt::format("{}", i + 1));
    return numbers;
}

std::string capitalised(std::string sentence)
{
    sentence[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(sentence[0])));
    return sentence;
}

/// Of one that stands alone the number is not told.
std::string line(const std::string &text, const std::vector<std::string> &numbers, bool alone)
{
    const std::string sentence = capitalised(text);
    if (alone)
        return sentence + ".";
    return fmt::format("{} (number{} {}).", sentence, numbers.size() == 1 ? "" : "s", joined_and(numbers));
}

bool same_limit(const Forecast &a, const Forecast &b)
{
    return a.limit_name == b.limit_name && (!a.limit_name.empty() || a.failed == b.failed);
}

/// Whether `a` is met before `b`.
bool earlier(const Forecast &a, const Forecast &b)
{
    if (a.reached != b.reached)
        return a.reached;
    if (a.at_cycle != b.at_cycle && a.at_cycle > 0 && b.at_cycle > 0)
        return a.at_cycle < b.at_cycle;
    return a.after_s < b.after_s;
}

} // namespace

std::vector<std::string> first_lines(const ImageReport &image, const std::vector<const Finding *> &shown)
{
    std::vector<std::string> lines;
    const bool alone = shown.size() == 1;
    std::map<int, std::vector<std::string>> by_incident;
    for (size_t i = 0; i < shown.size(); i++)
        if (shown[i]->incident != 0)
            by_incident[shown[i]->incident].push_back(fmt::format("{}", i + 1));
    for (const Incident &incident : image.incidents) {
        const std::vector<std::string> &numbers = by_incident[incident.id];
        if (!incident.sentence.empty() && !numbers.empty())
            lines.push_back(line(incident.sentence, numbers, alone));
    }
    std::vector<const Forecast *> limits; // the first to be met of each name
    for (const Finding *finding : shown) {
        if (!is_limit_told_first(*finding))
            continue;
        const Forecast *forecast = &*finding->forecast;
        const auto same = std::find_if(limits.begin(), limits.end(),
                                       [&](const Forecast *other) { return same_limit(*other, *forecast); });
        if (same == limits.end())
            limits.push_back(forecast);
        else if (earlier(*forecast, **same))
            *same = forecast;
    }
    for (const Forecast *forecast : limits)
        lines.push_back(line(forecast_text(*forecast),
                             numbers_of(shown,
                                        [&](const Finding &finding) {
                                            return is_limit_told_first(finding) &&
                                                   same_limit(*finding.forecast, *forecast);
                                        }),
                             alone));
    if (alone && shown.front()->sibling)
        lines.push_back(capitalised(sibling_text(*shown.front())) + ".");
    return lines;
}

} // namespace unpaired
