#include "rules.h"
#include "writers/diff.h"
#include "writers/json_parts_internal.h"
#include "writers/utf8.h"

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
    json["finding"] = finding_json(difference.finding(), difference.latest().trace);
    return json;
}

} // namespace

void write_diff_json(std::ostream &out, const Comparison &comparison, const DiffNames &names)
{
    Json json = {{"schema", "unpaired-diff/1"}, {"old", names.before}, {"new", names.after}};
    json["programs"] = comparison.programs;
    json["totals"] = Json::object();
    for (const Change change :
         {Change::added, Change::grown, Change::shrunk, Change::gone, Change::unchanged})
        json["totals"][text_of(change)] = 0;
    json["differences"] = Json::array();
    for (const Difference &difference : comparison.differences) {
        Json &total = json["totals"][text_of(difference.change)];
        total = total.get<uint64_t>() + 1;
        json["differences"].push_back(to_json(difference, names.least));
    }
    json["remarks"] = comparison.remarks;
    out << printable_json(json.dump(2, ' ', false, Json::error_handler_t::replace)) << '\n';
}

} // namespace unpaired
