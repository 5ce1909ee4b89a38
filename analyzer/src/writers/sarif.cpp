#include "writers/sarif.h"

#include "rules.h"
#include "writers/json_stream.h"
#include "writers/sarif_locations.h"
#include "writers/selection.h"
#include "writers/text.h"
#include "writers/text_facts.h"
#include "writers/text_words.h"

#include <algorithm>
#include <map>

namespace unpaired {
namespace {

using Json = SarifJson;

const char *level(Severity severity)
{
    switch (severity) {
    case Severity::leak:
        return "error";
    case Severity::suspect:
        return "warning";
    case Severity::note:
        break;
    }
    return "note";
}

Json text(std::string_view words) { return {{"text", words}}; }

/// The rules that results refer to by index; one that this version does not know has its name alone.
class Rules {
public:
    Rules()
    {
        for (const Rule &rule : rules()) {
            add(rule.name);
            Json &json = json_.back();
            json["shortDescription"] = text(rule.title);
            json["fullDescription"] = text(rule.advice);
            json["help"] = text(rule.advice);
            json["properties"] = {{"tags", Json::array({"resource-leak"})}};
        }
    }
    size_t index(const std::string &rule)
    {
        auto at = numbers_.find(rule);
        return at == numbers_.end() ? add(rule) : at->second;
    }
    const Json &json() const { return json_; }

private:
    size_t add(std::string_view name)
    {
        json_.push_back({{"id", name}});
        return numbers_[std::string(name)] = json_.size() - 1;
    }
    Json json_ = Json::array();
    std::map<std::string, size_t> numbers_;
};

std::string message(const Finding &finding, const TraceInfo &trace)
{
    std::string words = finding_sentence(finding, trace) + ".";
    for (const std::string &fact : finding_facts(finding, trace))
        words += "\n" + fact + ".";
    return words;
}

Json stacks(const Finding &finding, const SourceRoot &root)
{
    Json json = Json::array();
    const auto add = [&](const Stack &stack, const std::string &intro) {
        if (stack.empty())
            return;
        Json one = sarif_stack(stack, root, intro);
        if (std::find(json.begin(), json.end(), one) == json.end()) // the schema wants them to differ
            json.push_back(std::move(one));
    };
    add(finding.stack, function_text(finding.function) + " called from");
    if (finding.failed_release)
        add(finding.failed_release->stack, function_text(finding.failed_release->function) + " called from");
    if (finding.ended_by)
        add(finding.ended_by->stack,
            ended_by_intro(finding) + " " + function_text(finding.ended_by->function) + ", called from");
    return json;
}

/// Other places that explain a finding, as far as their files are known.
Json related(const Finding &finding, const Frame &shown, const SourceRoot &root)
{
    Json json = Json::array();
    const auto add = [&](const Frame &frame, const std::string &words) {
        if (frame.file.empty())
            return;
        json.push_back(sarif_location(frame, root, words));
        json.back()["id"] = json.size();
    };
    const auto innermost_with_file = [](const Stack &stack) {
        for (const Frame &frame : stack)
            if (!frame.file.empty())
                return frame;
        return Frame{};
    };
    if (finding.blame != shown)
        add(finding.blame, "the frame to blame");
    if (const auto &failed = finding.failed_release)
        add(failed->at.file.empty() ? innermost_with_file(failed->stack) : failed->at,
            failed_release_intro(finding) + " here");
    if (const auto &ended = finding.ended_by)
        add(innermost_with_file(ended->stack),
            ended_by_intro(finding) + " " + function_text(ended->function) + " here");
    if (const auto &sibling = finding.sibling)
        add(sibling->blame, "its like, which is released");
    return json;
}

/// How the program came there, outermost call first: code scanning shows this, and no stacks.
Json code_flow(const Finding &finding, const SourceRoot &root)
{
    Json locations = Json::array();
    for (auto frame = finding.stack.rbegin(); frame != finding.stack.rend(); ++frame)
        if (!frame->file.empty())
            locations.push_back({{"location", sarif_location(*frame, root, frame_name(*frame))}});
    if (locations.size() < 2)
        return {};
    const Json thread = {{"locations", std::move(locations)}};
    return {{"threadFlows", Json::array({thread})}};
}

Json properties(const Finding &finding)
{
    Json json = {{"severity", severity_name(finding.severity)},
                 {"family", finding.family},
                 {"function", finding.function},
                 {"owner", finding.owner},
                 {"count", finding.count},
                 {"bytes", finding.bytes},
                 {"acquired", finding.acquired},
                 {"released", finding.released},
                 {"reachability", finding.reachability}};
    if (finding.per_cycle > 0)
        json["perCycle"] = finding.per_cycle;
    if (finding.incident > 0)
        json["incident"] = finding.incident;
    return json;
}

/// `compared`: the report was held against a baseline; then every result of the run has a state.
Json result(const Finding &finding, const TraceInfo &trace, size_t rule, size_t invocation,
            const SourceRoot &root, bool compared)
{
    const Frame shown = shown_frame(finding, root);
    Json json = {{"ruleId", finding.rule},
                 {"ruleIndex", rule},
                 {"level", level(finding.severity)},
                 {"message", text(message(finding, trace))},
                 {"locations", Json::array({sarif_location(shown, root, {})})},
                 {"partialFingerprints", {{"unpairedFinding/v1", finding.id}}},
                 {"provenance", {{"invocationIndex", invocation}}}};
    if (Json all = stacks(finding, root); !all.empty())
        json["stacks"] = std::move(all);
    if (Json flow = code_flow(finding, root); !flow.is_null())
        json["codeFlows"] = Json::array({std::move(flow)});
    if (Json places = related(finding, shown, root); !places.empty())
        json["relatedLocations"] = std::move(places);
    // a list without entries says of a result that it is not suppressed
    json["suppressions"] = Json::array();
    if (!finding.suppressed_by.empty())
        json["suppressions"].push_back({{"kind", "external"}, {"justification", finding.suppressed_by}});
    if (compared)
        json["baselineState"] = !finding.baseline ? "new" : finding.baseline->grown ? "updated" : "unchanged";
    json["properties"] = properties(finding);
    return json;
}

Json notifications(const std::vector<std::string> &remarks)
{
    Json json = Json::array();
    for (const std::string &remark : remarks)
        json.push_back({{"level", "note"}, {"message", text(remark)}});
    return json;
}

/// The analysis of one image. What is known of the program goes into the properties: the members of an invocation
/// speak of the tool.
Json invocation(const ImageReport &image)
{
    const TraceInfo &trace = image.trace;
    return {{"executionSuccessful", true},
            {"toolExecutionNotifications", notifications(image.remarks)},
            {"properties",
             {{"program", trace.program},
              {"command", trace.command},
              {"pid", trace.pid},
              {"parent", trace.parent},
              {"end", trace.end},
              {"durationSeconds", trace.duration_s},
              {"cycles", trace.cycles},
              {"eventsLost", trace.events_lost}}}};
}

bool has_baseline(const Report &report)
{
    for (const ImageReport &image : report.images)
        for (const Finding &finding : image.findings)
            if (finding.baseline)
                return true;
    return false;
}

} // namespace

void write_sarif(std::ostream &out, const Report &report, const WriteOptions &options)
{
    const SourceRoot root(options.source_root);
    Rules known;
    const bool compared = has_baseline(report);
    const auto is_result = [&options](const Finding &finding) { return options.all || counts(finding); };
    for (const ImageReport &image : report.images)
        for (const Finding &finding : image.findings)
            if (is_result(finding))
                known.index(finding.rule); // in the order of the results

    JsonStream log(out, 1);
    log.begin_object();
    log.member("$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    log.member("version", "2.1.0");
    log.key("runs");
    log.begin_array();
    log.begin_object();
    log.member("tool", {{"driver",
                         {{"name", "unpaired"},
                          {"version", UNPAIRED_VERSION},
                          {"semanticVersion", UNPAIRED_VERSION},
                          {"rules", known.json()}}}});
    log.key("invocations");
    log.begin_array();
    for (const ImageReport &image : report.images)
        log.value(invocation(image));
    std::vector<std::string> remarks = report.remarks;
    for (const std::string &line : unused_suppressions_texts(report))
        remarks.push_back(line);
    if (!remarks.empty() || report.images.empty())
        log.value({{"executionSuccessful", true}, {"toolExecutionNotifications", notifications(remarks)}});
    log.end_array();
    if (!root.uri().empty())
        log.member(
            "originalUriBaseIds",
            {{SourceRoot::id, {{"uri", root.uri()}, {"description", text("Where the sources are.")}}}});
    log.key("results");
    log.begin_array();
    for (size_t invocation = 0; invocation < report.images.size(); invocation++) {
        const ImageReport &image = report.images[invocation];
        for (const Finding &finding : image.findings)
            if (is_result(finding))
                log.value(
                    result(finding, image.trace, known.index(finding.rule), invocation, root, compared));
    }
    log.end_array();
    log.end_object();
    log.end_array();
    log.end_object();
    out << '\n';
}

} // namespace unpaired
