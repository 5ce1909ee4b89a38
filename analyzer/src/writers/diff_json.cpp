#include "rules.h"
#include "writers/diff.h"
#include "writers/json_parts_internal.h"

#include <map>

namespace unpaired {
namespace {

using Json = nlohmann::ordered_json;

const char *text_of(Change change)
{
    switch (change) {
    case Change::added:
        return "new";
    case Change::grown:
        return "grown";
    case Change::shrunk:
        return "shrunk";
    case Change::gone:
        return "gone";
    case Change::unchanged:
        break;
    }
    return "unchanged";
}

const char *text_of(Measure measure)
{
    switch (measure) {
    case Measure::per_cycle:
        return "per_cycle";
    case Measure::severity:
        return "severity";
    case Measure::count:
        break;
    }
    return "count";
}

Json to_json(const Occurrence &occurrence)
{
    const Finding &finding = occurrence.finding;
    Json json = {{"severity", severity_name(finding.severity)},
                 {"count", finding.count},
                 {"bytes", finding.bytes},
                 {"acquired", finding.acquired},
                 {"released", finding.released},
                 {"per_cycle", finding.per_cycle},
                 {"cycles", occurrence.cycles},
                 {"images", occurrence.images}};
    if (!finding.suppressed_by.empty())
        json["suppressed_by"] = finding.suppressed_by;
    return json;
}

Json to_json(const Difference &difference, Severity least)
{
    Json json = {{"change", text_of(difference.change)}};
    if (difference.change == Change::grown || difference.change == Change::shrunk)
        json["by"] = text_of(difference.by);
    json["counts"] = difference.counts(least);
    json["program"] = difference.program;
    if (difference.before)
        json["old"] = to_json(*difference.before);
    if (difference.after)
        json["new"] = to_json(*difference.after);
    return json; // "finding" follows
}

} // namespace

void write_diff_json(std::ostream &out, const Comparison &comparison, const DiffNames &names)
{
    std::map<Change, uint64_t> totals;
    for (const Difference &difference : comparison.differences)
        totals[difference.change]++;
    Json all_totals = Json::object();
    for (const Change change :
         {Change::added, Change::grown, Change::shrunk, Change::gone, Change::unchanged})
        all_totals[text_of(change)] = totals[change];

    JsonStream json(out, 2);
    FindingWriter findings(json);
    json.begin_object();
    json.member("schema", "unpaired-diff/1");
    json.member("old", names.before);
    json.member("new", names.after);
    json.member("programs", comparison.programs);
    json.member("totals", all_totals);
    json.key("differences");
    json.begin_array();
    for (const Difference &difference : comparison.differences) {
        json.begin_object();
        const Json facts = to_json(difference, names.least);
        for (const auto &[name, value] : facts.items())
            json.member(name, value);
        json.key("finding");
        findings.write(difference.finding(), difference.latest().trace);
        json.end_object();
    }
    json.end_array();
    json.member("remarks", comparison.remarks);
    json.end_object();
    out << '\n';
}

} // namespace unpaired
