#include "input/read_report.h"

#include "input/bytes.h"
#include "input/input_error.h"
#include "input/json_node_internal.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <iterator>
#include <map>
#include <utility>

namespace unpaired {
namespace {

constexpr std::string_view schema_family = "unpaired-report/", schema = "unpaired-report/1";

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
    node.each("stack", [&stack, &frames = node.frames()](const JsonNode &frame) {
        stack.push_back(frames.of(read_frame(frame)));
    });
    stack.shrink_to_fit();
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
    std::vector<GrowthPoint> series;
    node.each("series", [&series](const JsonNode &point) { series.push_back(read_point(point)); });
    finding.series = series;
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
    node.read("damaged", trace.damaged);
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

namespace {

/// Provides an input to the parser, one piece at a time.
class CharsOf {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char *;
    using reference = const char &;

    struct Source {
        const Bytes &bytes;
        const std::string &name;
        uint64_t next = 0; ///< offset of the end of `piece`
        size_t at = 0;     ///< within `piece`
        std::vector<char> piece = std::vector<char>(1 << 16);
        uint64_t without_quote = 0; ///< bytes since the last quotation mark that was not escaped
        bool escaped = false;
        static constexpr uint64_t longest_text = UINT64_C(16) << 20;

        /// Watches the length of strings, which the parser takes whole before it hands them out. Returns false at a byte
        /// that belongs to more than 16 MiB without a quotation mark.
        bool watch(char byte)
        {
            const bool quote = byte == '"' && !escaped;
            escaped = byte == '\\' && !escaped;
            without_quote = quote ? 0 : without_quote + 1;
            return without_quote <= longest_text;
        }

        void fill()
        {
            piece.resize(1 << 16);
            piece.resize(bytes.copy(next, piece.data(), piece.size()));
            next += piece.size();
            at = 0;
        }
    };

    CharsOf() = default; ///< the end
    explicit CharsOf(Source &source) : source_(&source) {}

    reference operator*() const { return source_->piece[source_->at]; }
    CharsOf &operator++()
    {
        if (!source_->watch(source_->piece[source_->at]))
            throw InputError(fmt::format("{}: is no report: a text in it has more than {} MiB", source_->name,
                                         Source::longest_text >> 20));
        if (++source_->at == source_->piece.size())
            source_->fill();
        return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(const CharsOf &other) const { return is_end() == other.is_end(); }

private:
    bool is_end() const { return source_ == nullptr || source_->piece.empty(); }
    Source *source_ = nullptr;
};

/// Removes each finding from the document as soon as it is complete, so that the whole document, which may be larger
/// than the memory, is never kept. Limits the memory that a hostile document takes.
class FindingTaker {
public:
    FindingTaker(const std::string &name, FramePool &frames) : name_(name), frames_(frames) {}

    /// Callback of nlohmann::json::parse().
    bool operator()(nlohmann::json::parse_event_t event, nlohmann::json &parsed)
    {
        using Event = nlohmann::json::parse_event_t;
        switch (event) {
        case Event::object_start:
        case Event::array_start:
            if (open_.size() == deepest)
                throw InputError(
                    fmt::format("{}: is no report: its JSON is nested more than {} deep", name_, deepest));
            if (open_.size() == 2)
                images_++; // an element of an array for `read_image`
            open_.emplace_back();
            count();
            return true;
        case Event::key:
            open_.back() = parsed.get_ref<const std::string &>();
            count(open_.back().size());
            return true;
        case Event::value:
            if (open_.size() == 1 && open_[0] == "schema")
                is_report_ = parsed.is_string() && parsed.get_ref<const std::string &>() == schema;
            count(parsed.is_string() ? parsed.get_ref<const std::string &>().size() : 0);
            return true;
        case Event::array_end:
            open_.pop_back();
            return true;
        case Event::object_end:
            open_.pop_back();
            if (!is_report_ || open_.size() != 4 || open_[0] != "images" || open_[2] != "findings")
                return true;
            take(parsed);
            values_ = values_before_;
            text_ = text_before_;
            return false;
        }
        return true;
    }

    /// Adds to `image` the findings of the image at `index`, which are no longer in the document.
    void give(size_t index, ImageReport &image)
    {
        if (auto found = findings_.find(index + 1); found != findings_.end())
            image.findings = std::move(found->second);
    }

    uint64_t left_out() const { return left_out_; }

private:
    static constexpr size_t deepest = 100;
    static constexpr uint64_t most_values = 4'000'000; // outside of findings, and in each of them
    static constexpr uint64_t most_text = UINT64_C(128) << 20;
    static constexpr uint64_t most_memory = UINT64_C(640) << 20; // of all findings

    void count(uint64_t text = 0)
    {
        if (open_.size() <= 4) {
            values_before_ = values_;
            text_before_ = text_;
        }
        text_ += text;
        if (text_ > most_text)
            throw InputError(
                fmt::format("{}: is no report: it has more than {} MiB of text outside its findings", name_,
                            most_text >> 20));
        if (++values_ > most_values)
            throw InputError(fmt::format("{}: is no report: it has more than {} values outside its findings",
                                         name_, most_values));
    }

    void take(const nlohmann::json &parsed)
    {
        std::vector<Finding> &findings = findings_[images_];
        if (memory_ > most_memory) {
            left_out_++;
            return;
        }
        const std::string where = fmt::format("images[{}].findings[{}]", images_ - 1, findings.size());
        findings.push_back(read_finding(JsonNode(parsed, where, name_, frames_)));
        memory_ += memory_of(findings.back());
    }

    /// Returns about how many bytes a finding takes; a vector may have twice the room for it.
    static uint64_t memory_of(const Finding &f)
    {
        const auto texts = [](const Frame &frame) {
            return frame.function.text().size() + frame.file.text().size() + frame.module.text().size();
        };
        const auto stack = [&texts](const Stack &frames) {
            uint64_t bytes = frames.size() * sizeof(Stack::SharedFrame);
            for (size_t i = 0; i < frames.size(); i++)
                if (frames.shared(i).use_count() <= 2) // it is new: no other stack has it
                    bytes += 2 * sizeof(Frame) + texts(frames[i]);
            return bytes;
        };
        uint64_t sum = sizeof f * 3 / 2 + stack(f.stack) + f.held_by.size() + f.function.size() +
                       f.series.size() / 4 + f.callers.size() * sizeof(Frame) + f.parts.size() * 100;
        sum += texts(f.blame) + f.suppressed_by.size() + f.reachability.size();
        for (const Frame &caller : f.callers)
            sum += texts(caller);
        if (f.failed_release)
            sum += sizeof *f.failed_release + stack(f.failed_release->stack) + texts(f.failed_release->at);
        if (f.last_holder)
            sum += sizeof *f.last_holder + stack(f.last_holder->stack) + texts(f.last_holder->at);
        if (f.ended_by)
            sum += sizeof *f.ended_by + stack(f.ended_by->stack);
        if (f.sibling)
            sum += sizeof *f.sibling + texts(f.sibling->blame);
        for (const auto &[family, part] : f.parts)
            sum += family.size();
        for (const std::string &remark : f.remarks)
            sum += sizeof remark + remark.size();
        for (const Preview &preview : f.preview)
            sum += sizeof preview + preview.bytes.size();
        return sum;
    }

    const std::string &name_;
    FramePool &frames_;
    std::vector<std::string> open_;                   // arrays and objects, with the latest key of each
    std::map<size_t, std::vector<Finding>> findings_; // by image number
    size_t images_ = 0;
    bool is_report_ = false;
    uint64_t values_ = 0, values_before_ = 0, text_ = 0, text_before_ = 0, memory_ = 0, left_out_ = 0;
};

Report read_report(const Bytes &bytes, const std::string &name)
{
    CharsOf::Source source{bytes, name};
    source.fill();
    if (without_byte_order_mark({source.piece.data(), source.piece.size()}).size() < source.piece.size())
        source.at = 3;
    const uint64_t skipped = source.at;
    FramePool frames;
    FindingTaker taker(name, frames);
    nlohmann::json json;
    try {
        json = nlohmann::json::parse(CharsOf(source), CharsOf(),
                                     [&taker](int, nlohmann::json::parse_event_t event,
                                              nlohmann::json &parsed) { return taker(event, parsed); });
    } catch (const nlohmann::json::parse_error &error) {
        // whatever the parser made of it, at the end of the text something is missing
        const uint64_t size = bytes.size() - skipped;
        if (error.byte > size)
            throw InputError(fmt::format("{}: breaks off after {} bytes, in the middle of the report; was it "
                                         "copied, or written, completely?",
                                         name, size));
        throw InputError(fmt::format("{}: is no valid JSON at byte {} of {}", name, error.byte, size));
    } catch (const nlohmann::json::exception &) {
        throw InputError(fmt::format("{}: is no valid JSON: a number in it is too large", name));
    }
    check_schema(json, name);
    const JsonNode root(json, "", name, frames);
    if (!root.member("images"))
        throw InputError(fmt::format("{}: is a damaged report: it has no \"images\"", name));
    Report report;
    root.each("images", [&](const JsonNode &one) {
        report.images.push_back(read_image(one));
        taker.give(report.images.size() - 1, report.images.back());
    });
    root.read("remarks", report.remarks);
    root.each("unused_suppressions", [&report](const JsonNode &one) {
        UnusedSuppression &line = report.unused_suppressions.emplace_back();
        one.read("origin", line.origin);
        one.read("text", line.text);
    });
    if (taker.left_out() > 0)
        report.remarks.push_back(
            fmt::format("'{}': {} findings are left out: they do not fit into the memory that a "
                        "report may take",
                        name, taker.left_out()));
    return report;
}

} // namespace

Report parse_report(std::string_view text, const std::string &name)
{
    return read_report(*wrap_bytes({reinterpret_cast<const uint8_t *>(text.data()), text.size()}, name),
                       name);
}

Report read_report(const std::string &path) { return read_report(*open_bytes(path), path); }

} // namespace unpaired
