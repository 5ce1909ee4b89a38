#include "input/read_report.h"

#include "input/bytes.h"
#include "input/input_error.h"
#include "input/json_node_internal.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <utility>

namespace unpaired {
namespace {

constexpr std::string_view schema_family = "unpaired-report/", schema = "unpaired-report/1";

/// Larger than any report: a test suite's is some megabytes.
constexpr uint64_t most_bytes = UINT64_C(1) << 30;

uint64_t address_of(const JsonNode &node)
{
    const std::string text = node.text();
    uint64_t address = 0;
    const auto [end, error] =
        std::from_chars(text.data() + 2, text.data() + std::max<size_t>(text.size(), 2), address, 16);
    if (!text.starts_with("0x") || error != std::errc() || end != text.data() + text.size())
        node.fail("an address such as 0x1000");
    return address;
}

Frame read_frame(const JsonNode &node)
{
    Frame frame;
    node.read("function", frame.function);
    node.read("file", frame.file);
    node.read("line", frame.line);
    node.read("module", frame.module);
    if (const auto address = node.member("address"))
        frame.address = address_of(*address);
    node.read("inlined", frame.inlined);
    return frame;
}

Stack read_stack(const JsonNode &node)
{
    Stack stack;
    node.each("stack", [&stack](const JsonNode &frame) { stack.push_back(read_frame(frame)); });
    return stack;
}

/// A frame that was written as a place alone, and is one of the stack's.
Frame read_place(const JsonNode &node, const Stack &stack)
{
    const Frame place = read_frame(node);
    const auto same = std::find_if(stack.begin(), stack.end(), [&place](const Frame &frame) {
        return frame.function == place.function && frame.file == place.file && frame.line == place.line &&
               frame.module == place.module;
    });
    return same == stack.end() ? place : *same;
}

Part read_part(const JsonNode &node)
{
    Part part;
    node.read("count", part.count);
    node.read("bytes", part.bytes);
    return part;
}

Severity read_severity(const JsonNode &node)
{
    const std::string text = node.text();
    if (text == "leak")
        return Severity::leak;
    if (text == "suspect")
        return Severity::suspect;
    if (text != "note")
        node.fail("leak, suspect or note");
    return Severity::note;
}

/// A growth that a later version may have invented is left out.
std::optional<Growth> read_growth(const JsonNode &node)
{
    const std::string text = node.text();
    for (const auto &[name, growth] :
         {std::pair("linear", Growth::linear), std::pair("step", Growth::step),
          std::pair("plateau", Growth::plateau), std::pair("sawtooth", Growth::sawtooth),
          std::pair("once", Growth::once)})
        if (text == name)
            return growth;
    return std::nullopt;
}

FailedRelease read_failed_release(const JsonNode &node)
{
    FailedRelease failed;
    node.read("function", failed.function);
    node.read("result", failed.result);
    node.read("errno", failed.error);
    node.read("count", failed.count);
    node.read("preceded_by", failed.preceded_by);
    node.read("preceded_by_result", failed.preceded_by_result);
    failed.stack = read_stack(node);
    if (const auto at = node.member("at"))
        failed.at = read_place(*at, failed.stack);
    return failed;
}

LastHolder read_last_holder(const JsonNode &node)
{
    LastHolder last;
    node.read("count", last.count);
    node.read("size", last.size);
    node.read("function", last.function);
    last.stack = read_stack(node);
    if (const auto at = node.member("at"))
        last.at = read_place(*at, last.stack);
    return last;
}

Forecast read_forecast(const JsonNode &node)
{
    Forecast forecast;
    node.read("limit", forecast.limit);
    node.read("limit_name", forecast.limit_name);
    node.read("at_acquisition", forecast.at_acquisition);
    node.read("reached", forecast.reached);
    node.read("at_cycle", forecast.at_cycle);
    node.read("after_s", forecast.after_s);
    node.read("failed", forecast.failed);
    node.read("errno", forecast.error);
    node.read("failed_at", forecast.failed_at);
    return forecast;
}

Sibling read_sibling(const JsonNode &node)
{
    Sibling sibling;
    node.read("function", sibling.function);
    if (const auto blame = node.member("blame"))
        sibling.blame = read_frame(*blame);
    node.read("acquired", sibling.acquired);
    node.read("released", sibling.released);
    node.read("released_by", sibling.released_by);
    return sibling;
}

Preview read_preview(const JsonNode &node)
{
    Preview preview;
    if (const auto address = node.member("address"))
        preview.address = address_of(*address);
    if (const auto bytes = node.member("bytes")) {
        const std::string digits = bytes->text();
        for (size_t at = 0; at < digits.size(); at += 2) {
            uint8_t byte = 0;
            const char *begin = digits.data() + at, *end = digits.data() + std::min(at + 2, digits.size());
            const auto [last, error] = std::from_chars(begin, end, byte, 16);
            if (error != std::errc() || last != begin + 2)
                bytes->fail("pairs of hexadecimal digits");
            preview.bytes.push_back(byte);
        }
    }
    return preview;
}

Baseline read_baseline(const JsonNode &node)
{
    Baseline baseline;
    node.read("count", baseline.count);
    node.read("bytes", baseline.bytes);
    node.read("per_cycle", baseline.per_cycle);
    node.read("grown", baseline.grown);
    return baseline;
}

GrowthPoint read_point(const JsonNode &node)
{
    if (!node.is_array() || node.size() != 2)
        node.fail("a pair of numbers");
    return {node.at(0).number(), node.at(1).integer<uint64_t>()};
}

void read_reached(const JsonNode &node, Reached &reached)
{
    for (const auto &[key, part] :
         {std::pair("lost", &reached.lost), std::pair("indirectly_lost", &reached.indirectly_lost),
          std::pair("possibly", &reached.possibly), std::pair("reachable", &reached.reachable)})
        if (const auto member = node.member(key))
            *part = read_part(*member);
}

Finding read_finding(const JsonNode &node)
{
    Finding finding;
    node.read("id", finding.id);
    node.read("rule", finding.rule);
    if (const auto severity = node.member("severity"))
        finding.severity = read_severity(*severity);
    node.read("family", finding.family);
    node.read("function", finding.function);
    node.read("owner", finding.owner);
    node.read("count", finding.count);
    node.read("bytes", finding.bytes);
    node.read("acquired", finding.acquired);
    node.read("released", finding.released);
    node.read("peak_bytes", finding.peak_bytes);
    node.read("each", finding.each);
    node.each_member("parts", [&finding](const std::string &family, const JsonNode &part) {
        finding.parts[family] = read_part(part);
    });
    if (const auto growth = node.member("growth"))
        finding.growth = read_growth(*growth);
    node.read("per_cycle", finding.per_cycle);
    node.read("incident", finding.incident);
    node.each("series", [&finding](const JsonNode &point) { finding.series.push_back(read_point(point)); });
    if (const auto sibling = node.member("sibling"))
        finding.sibling = read_sibling(*sibling);
    node.read("reachability", finding.reachability);
    if (const auto reached = node.member("reached"))
        read_reached(*reached, finding.reached);
    node.read("held_by", finding.held_by);
    if (const auto last = node.member("last_holder"))
        finding.last_holder = read_last_holder(*last);
    node.each("preview", [&finding](const JsonNode &one) { finding.preview.push_back(read_preview(one)); });
    finding.stack = read_stack(node);
    node.read("through", finding.through);
    node.each("callers", [&finding](const JsonNode &frame) { finding.callers.push_back(read_frame(frame)); });
    if (const auto failed = node.member("failed_release"))
        finding.failed_release = read_failed_release(*failed);
    // of a double release the frame to blame is the releaser's
    if (const auto blame = node.member("blame")) {
        finding.blame = read_place(*blame, finding.stack);
        if (finding.blame.address == 0 && finding.failed_release)
            finding.blame = read_place(*blame, finding.failed_release->stack);
    }
    if (const auto ended = node.member("ended_by")) {
        EndedBy by;
        ended->read("function", by.function);
        by.stack = read_stack(*ended);
        finding.ended_by = std::move(by);
    }
    if (const auto forecast = node.member("forecast"))
        finding.forecast = read_forecast(*forecast);
    node.read("remarks", finding.remarks);
    node.read("suppressed_by", finding.suppressed_by);
    if (const auto baseline = node.member("baseline"))
        finding.baseline = read_baseline(*baseline);
    return finding;
}

void read_trace_info(const JsonNode &node, TraceInfo &trace)
{
    node.read("source", trace.source);
    node.read("program", trace.program);
    node.read("command", trace.command);
    node.read("pid", trace.pid);
    node.read("parent", trace.parent);
    node.read("end", trace.end);
    node.read("duration_s", trace.duration_s);
    node.read("events", trace.events);
    node.read("events_lost", trace.events_lost);
    node.read("every_event", trace.every_event);
    node.read("cycles", trace.cycles);
    node.read("cycle_source", trace.cycle_source);
    node.read("cycle_name", trace.cycle_name);
    node.read("run", trace.run);
}

ImageModule read_module(const JsonNode &node)
{
    ImageModule module;
    node.read("path", module.path);
    node.read("build_id", module.build_id);
    if (const auto start = node.member("start"))
        module.start = address_of(*start);
    if (const auto end = node.member("end"))
        module.end = address_of(*end);
    return module;
}

Incident read_incident(const JsonNode &node)
{
    Incident incident;
    node.read("id", incident.id);
    node.read("per_cycle", incident.per_cycle);
    node.read("sentence", incident.sentence);
    node.read("findings", incident.findings);
    node.read("cycles", incident.cycles);
    return incident;
}

ImageReport read_image(const JsonNode &node)
{
    ImageReport image;
    if (const auto trace = node.member("trace"))
        read_trace_info(*trace, image.trace);
    node.each_member("totals", [&image](const std::string &family, const JsonNode &from) {
        FamilyTotals &totals = image.totals[family];
        from.read("acquired", totals.acquired);
        from.read("released", totals.released);
        from.read("released_unseen", totals.released_unseen);
        from.read("unpaired", totals.unpaired);
        from.read("unpaired_bytes", totals.unpaired_bytes);
        from.read("failed_releases", totals.failed_releases);
        from.read("failed", totals.failed);
    });
    node.each_member("owners", [&image](const std::string &owner, const JsonNode &from) {
        OwnerTotals &totals = image.owners[owner];
        from.read("unpaired", totals.unpaired);
        from.read("unpaired_bytes", totals.unpaired_bytes);
    });
    node.each("incidents", [&image](const JsonNode &one) { image.incidents.push_back(read_incident(one)); });
    node.read("series_unit", image.series_unit);
    node.each("findings", [&image](const JsonNode &one) { image.findings.push_back(read_finding(one)); });
    node.each("modules", [&image](const JsonNode &one) { image.modules.push_back(read_module(one)); });
    node.read("remarks", image.remarks);
    return image;
}

/// Throws unless the document says that it is a report this version can read.
void check_schema(const nlohmann::json &json, const std::string &name)
{
    const auto found = json.is_object() ? json.find("schema") : json.end();
    const std::string told = found != json.end() && found->is_string() ? found->get<std::string>() : "";
    if (told == schema)
        return;
    if (told.starts_with(schema_family))
        throw InputError(fmt::format("{}: is a report of schema '{}', and this version reads '{}'; use the "
                                     "unpaired that wrote it, or a newer one",
                                     name, told, schema));
    if (told.starts_with("unpaired-"))
        throw InputError(
            fmt::format("{}: is no report but '{}'; make one with --output json:FILE", name, told));
    throw InputError(
        fmt::format("{}: is JSON, but no report of unpaired: it has no \"schema\": \"{}\"", name, schema));
}

std::string_view without_byte_order_mark(std::string_view text)
{
    return text.starts_with("\xef\xbb\xbf") ? text.substr(3) : text;
}

} // namespace

bool looks_like_json(std::span<const uint8_t> beginning)
{
    std::string_view text(reinterpret_cast<const char *>(beginning.data()), beginning.size());
    text = without_byte_order_mark(text);
    const size_t first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

Report parse_report(std::string_view text, const std::string &name)
{
    text = without_byte_order_mark(text);
    nlohmann::json json;
    try {
        json = nlohmann::json::parse(text);
    } catch (const nlohmann::json::parse_error &error) {
        // whatever the parser made of it, at the end of the text something is missing
        if (error.byte > text.size())
            throw InputError(fmt::format("{}: breaks off after {} bytes, in the middle of the report; was it "
                                         "copied, or written, completely?",
                                         name, text.size()));
        throw InputError(fmt::format("{}: is no valid JSON at byte {} of {}", name, error.byte, text.size()));
    } catch (const nlohmann::json::exception &) {
        throw InputError(fmt::format("{}: is no valid JSON: a number in it is too large", name));
    }
    check_schema(json, name);
    const JsonNode root(json, "", name);
    if (!root.member("images"))
        throw InputError(fmt::format("{}: is a damaged report: it has no \"images\"", name));
    Report report;
    root.each("images", [&report](const JsonNode &one) { report.images.push_back(read_image(one)); });
    root.read("remarks", report.remarks);
    root.each("unused_suppressions", [&report](const JsonNode &one) {
        UnusedSuppression &line = report.unused_suppressions.emplace_back();
        one.read("origin", line.origin);
        one.read("text", line.text);
    });
    return report;
}

Report read_report(const std::string &path)
{
    const std::unique_ptr<Bytes> bytes = open_bytes(path);
    if (bytes->size() > most_bytes)
        throw InputError(fmt::format("{}: has {} bytes, more than a report can have", path, bytes->size()));
    std::string text(bytes->size(), '\0');
    text.resize(bytes->copy(0, text.data(), text.size()));
    return parse_report(text, path);
}

} // namespace unpaired
