#include "writers/json.h"

#include "rules.h"
#include "writers/json_parts_internal.h"
#include "writers/text.h"
#include "writers/text_words.h"

#include <fmt/format.h>

namespace unpaired {
namespace {

using Json = JsonStream::Json;

const char *text_of(Growth growth)
{
    switch (growth) {
    case Growth::linear:
        return "linear";
    case Growth::step:
        return "step";
    case Growth::plateau:
        return "plateau";
    case Growth::sawtooth:
        return "sawtooth";
    case Growth::once:
        break;
    }
    return "once";
}

Json to_json(const Frame &frame)
{
    Json json = {{"function", frame.function},
                 {"file", frame.file},
                 {"line", frame.line},
                 {"module", frame.module},
                 {"address", fmt::format("{:#x}", frame.address)}};
    if (frame.inlined)
        json["inlined"] = true;
    return json;
}

Json to_json(const Stack &stack)
{
    Json json = Json::array();
    for (const Frame &frame : stack)
        json.push_back(to_json(frame));
    return json;
}

Json place(const Frame &frame)
{
    return {
        {"function", frame.function}, {"file", frame.file}, {"line", frame.line}, {"module", frame.module}};
}

Json to_json(const FailedRelease &failed)
{
    Json json = {{"function", failed.function},
                 {"result", failed.result},
                 {"errno", failed.error},
                 {"count", failed.count}};
    if (!failed.preceded_by.empty()) {
        json["preceded_by"] = failed.preceded_by;
        json["preceded_by_result"] = failed.preceded_by_result;
    }
    if (!failed.at.function.empty())
        json["at"] = place(failed.at);
    json["stack"] = to_json(failed.stack);
    return json;
}

Json to_json(const Part &part) { return {{"count", part.count}, {"bytes", part.bytes}}; }

Json to_json(const Reached &reached)
{
    return {{"lost", to_json(reached.lost)},
            {"indirectly_lost", to_json(reached.indirectly_lost)},
            {"possibly", to_json(reached.possibly)},
            {"reachable", to_json(reached.reachable)}};
}

Json to_json(const std::vector<Preview> &previews)
{
    Json json = Json::array();
    for (const Preview &preview : previews) {
        std::string digits;
        for (uint8_t byte : preview.bytes)
            digits += fmt::format("{:02x}", byte);
        json.push_back({{"address", fmt::format("{:#x}", preview.address)},
                        {"bytes", digits},
                        {"text", printable(preview.bytes)}});
    }
    return json;
}

Json to_json(const Sibling &sibling)
{
    Json json = {{"function", sibling.function},
                 {"blame", place(sibling.blame)},
                 {"acquired", sibling.acquired},
                 {"released", sibling.released}};
    if (!sibling.released_by.empty())
        json["released_by"] = sibling.released_by;
    return json;
}

Json to_json(const Forecast &forecast)
{
    Json json = {{"limit", forecast.limit},
                 {"limit_name", forecast.limit_name},
                 {"at_acquisition", forecast.at_acquisition},
                 {"reached", forecast.reached}};
    if (forecast.at_cycle > 0)
        json["at_cycle"] = forecast.at_cycle;
    if (forecast.after_s > 0)
        json["after_s"] = forecast.after_s;
    if (!forecast.failed.empty()) {
        json["failed"] = forecast.failed;
        json["errno"] = forecast.error;
        if (forecast.failed_at > 0)
            json["failed_at"] = forecast.failed_at;
    }
    return json;
}

Json to_json(const Incident &incident)
{
    return {{"id", incident.id},
            {"per_cycle", incident.per_cycle},
            {"sentence", incident.sentence},
            {"findings", incident.findings},
            {"cycles", incident.cycles}};
}

/// Returns a finding with null in place of its stack.
Json without_stack(const Finding &finding, const TraceInfo &trace)
{
    Json json = {{"id", finding.id},
                 {"rule", finding.rule},
                 {"severity", severity_name(finding.severity)},
                 {"sentence", finding_sentence(finding, trace)},
                 {"family", finding.family},
                 {"function", finding.function},
                 {"owner", finding.owner},
                 {"count", finding.count},
                 {"bytes", finding.bytes},
                 {"acquired", finding.acquired},
                 {"released", finding.released}};
    if (finding.peak_bytes)
        json["peak_bytes"] = finding.peak_bytes;
    if (finding.each)
        json["each"] = finding.each;
    json["parts"] = Json::object();
    for (const auto &[family, part] : finding.parts)
        json["parts"][family] = to_json(part);
    if (finding.growth)
        json["growth"] = text_of(*finding.growth);
    json["per_cycle"] = finding.per_cycle;
    if (finding.incident > 0)
        json["incident"] = finding.incident;
    if (!finding.series.empty()) {
        json["series"] = Json::array();
        for (const GrowthPoint &point : finding.series.points())
            json["series"].push_back({point.x, point.count});
    }
    if (finding.sibling)
        json["sibling"] = to_json(*finding.sibling);
    json["reachability"] = finding.reachability;
    if (finding.reached.any())
        json["reached"] = to_json(finding.reached);
    if (!finding.held_by.empty())
        json["held_by"] = finding.held_by;
    if (const auto &last = finding.last_holder)
        json["last_holder"] = {{"count", last->count},
                               {"size", last->size},
                               {"function", last->function},
                               {"at", place(last->at)},
                               {"stack", to_json(last->stack)}};
    if (!finding.preview.empty())
        json["preview"] = to_json(finding.preview);
    json["blame"] = place(finding.blame);
    json["stack"] = nullptr;
    if (!finding.through.empty())
        json["through"] = finding.through;
    if (!finding.callers.empty())
        json["callers"] = to_json(finding.callers);
    if (finding.failed_release)
        json["failed_release"] = to_json(*finding.failed_release);
    if (finding.ended_by)
        json["ended_by"] = {{"function", finding.ended_by->function},
                            {"stack", to_json(finding.ended_by->stack)}};
    if (finding.forecast)
        json["forecast"] = to_json(*finding.forecast);
    if (!finding.remarks.empty())
        json["remarks"] = finding.remarks;
    if (!finding.suppressed_by.empty())
        json["suppressed_by"] = finding.suppressed_by;
    if (finding.baseline)
        json["baseline"] = {{"count", finding.baseline->count},
                            {"bytes", finding.baseline->bytes},
                            {"per_cycle", finding.baseline->per_cycle},
                            {"grown", finding.baseline->grown}};
    return json;
}

Json to_json(const TraceInfo &trace)
{
    Json json = {{"source", trace.source},           {"program", trace.program},
                 {"command", trace.command},         {"pid", trace.pid},
                 {"parent", trace.parent},           {"end", trace.end},
                 {"duration_s", trace.duration_s},   {"events", trace.events},
                 {"events_lost", trace.events_lost}, {"cycles", trace.cycles}};
    if (trace.damaged)
        json["damaged"] = true;
    if (trace.every_event)
        json["every_event"] = true;
    if (!trace.cycle_source.empty())
        json["cycle_source"] = trace.cycle_source;
    if (!trace.cycle_name.empty())
        json["cycle_name"] = trace.cycle_name;
    if (trace.run > 0)
        json["run"] = trace.run;
    return json;
}

Json to_json(const ImageModule &module)
{
    return {{"path", module.path},
            {"build_id", module.build_id},
            {"start", fmt::format("{:#x}", module.start)},
            {"end", fmt::format("{:#x}", module.end)}};
}

void write_image(FindingWriter &findings, JsonStream &out, const ImageReport &image)
{
    out.begin_object();
    out.member("trace", to_json(image.trace));
    Json totals_of_all = Json::object(), owners = Json::object();
    for (const auto &[family, totals] : image.totals)
        totals_of_all[family] = {{"acquired", totals.acquired},
                                 {"released", totals.released},
                                 {"released_unseen", totals.released_unseen},
                                 {"unpaired", totals.unpaired},
                                 {"unpaired_bytes", totals.unpaired_bytes},
                                 {"failed_releases", totals.failed_releases},
                                 {"failed", totals.failed}};
    out.member("totals", totals_of_all);
    for (const auto &[owner, totals] : image.owners)
        owners[owner] = {{"unpaired", totals.unpaired}, {"unpaired_bytes", totals.unpaired_bytes}};
    out.member("owners", owners);
    out.key("incidents");
    out.begin_array();
    for (const Incident &incident : image.incidents)
        out.value(to_json(incident));
    out.end_array();
    if (!image.series_unit.empty())
        out.member("series_unit", image.series_unit);
    out.key("findings");
    out.begin_array();
    for (const Finding &finding : image.findings)
        findings.write(finding, image.trace);
    out.end_array();
    out.key("modules");
    out.begin_array();
    for (const ImageModule &module : image.modules)
        out.value(to_json(module));
    out.end_array();
    out.member("remarks", image.remarks);
    out.end_object();
}

} // namespace

FindingWriter::FindingWriter(JsonStream &out) : out_(out) {}

void FindingWriter::write(const Finding &finding, const TraceInfo &trace)
{
    const Json json = without_stack(finding, trace);
    out_.begin_object();
    for (const auto &[name, value] : json.items())
        if (value.is_null() && name == "stack") {
            out_.key(name);
            write_stack(finding.stack);
        } else {
            out_.member(name, value);
        }
    out_.end_object();
}

void FindingWriter::write_stack(const Stack &stack)
{
    out_.begin_array();
    for (size_t i = 0; i < stack.size(); i++) {
        const auto [text, added] = frames_.try_emplace(stack.shared(i));
        if (added)
            text->second = out_.dumped(to_json(stack[i]));
        out_.text(text->second);
    }
    out_.end_array();
}

void write_report_json(JsonStream &out, const Report &report)
{
    FindingWriter findings(out);
    out.begin_object();
    out.member("schema", "unpaired-report/1");
    out.key("images");
    out.begin_array();
    for (const ImageReport &image : report.images)
        write_image(findings, out, image);
    out.end_array();
    out.member("remarks", report.remarks);
    if (!report.unused_suppressions.empty()) {
        Json lines = Json::array();
        for (const UnusedSuppression &line : report.unused_suppressions)
            lines.push_back({{"origin", line.origin}, {"text", line.text}});
        out.member("unused_suppressions", lines);
    }
    out.end_object();
}

void write_json(std::ostream &out, const Report &report)
{
    // paths and names come from other programs and need not be UTF-8
    JsonStream json(out, 2);
    write_report_json(json, report);
    out << '\n';
}

} // namespace unpaired
