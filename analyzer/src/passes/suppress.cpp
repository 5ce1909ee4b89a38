#include "passes/suppress.h"

#include "families.h"
#include "near_names.h"
#include "rules.h"
#include "symbols/function_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace unpaired {

namespace {

constexpr std::string_view blanks = " \t\r\v\f";

std::string_view trimmed(std::string_view text)
{
    auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string_view base_name(std::string_view path)
{
    auto slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool covers_type(const std::string &type, const Finding &finding)
{
    if (type == "leak") {
        const Rule *rule = find_rule(finding.rule);
        return rule && rule->left_behind;
    }
    if (type == "heap" && (finding.family == "new" || finding.family == "new_array"))
        return true;
    return type == finding.family || type == finding.rule;
}

bool matches_frame(const std::string &pattern, const Frame &frame)
{
    return template_match(pattern, frame.function) ||
           template_match(pattern, qualified_name(frame.function)) || template_match(pattern, frame.file) ||
           template_match(pattern, frame.module);
}

bool matches(const Suppression &line, const Finding &finding)
{
    if (!line.problem.empty() || !covers_type(line.type, finding))
        return false;
    if (template_match(line.pattern, finding.function))
        return true;
    return std::any_of(finding.stack.begin(), finding.stack.end(),
                       [&](const Frame &frame) { return matches_frame(line.pattern, frame); });
}

/// A line as a message quotes it: whatever a file holds that is no list of suppressions, it stays one short line.
std::string quoted(std::string_view text)
{
    constexpr size_t longest = 60;
    std::string shown(text.substr(0, longest));
    for (char &c : shown)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = '?';
    // not in the middle of a character of UTF-8
    while (text.size() > longest && !shown.empty() && (static_cast<unsigned char>(shown.back()) & 0x80) != 0)
        shown.pop_back();
    return text.size() > longest ? shown + "..." : shown;
}

/// "Leak" as "leak" if that is a type that each user has: leak, a rule, or a family of the resource table; else "".
std::string known_type(std::string_view word)
{
    std::string type(word);
    for (char &c : type)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return type == "leak" || find_rule(type) || family_of_table(type) ? type : std::string();
}

/// What whoever wrote a line without a type may have meant: of "leak foo", "Leak:foo", "leak::foo" and "=foo"
/// leak:foo, of "app::serve" leak:app::serve.
std::string with_type(std::string_view text)
{
    constexpr std::string_view separators = ":= \t";
    auto first = text.find_first_of(separators);
    std::string type = known_type(text.substr(0, first));
    auto pattern = type.empty() ? text : text.substr(std::min(first, text.size()));
    pattern.remove_prefix(std::min(pattern.find_first_not_of(separators), pattern.size()));
    return fmt::format("{}:{}", type.empty() ? "leak" : type, pattern.empty() ? "*" : quoted(pattern));
}

/// Reads one line into `line`; returns what is wrong with it, "" if nothing.
std::string parse_line(std::string_view text, Suppression &line)
{
    auto colon = text.find(':');
    if (colon == std::string_view::npos)
        return fmt::format("no ':' between type and pattern; write {}", with_type(text));
    auto type = trimmed(text.substr(0, colon));
    auto pattern = trimmed(text.substr(colon + 1));
    if (type.empty() || type.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") != type.npos ||
        pattern.starts_with(':'))
        return fmt::format("it does not begin with a type and one ':'; write {}", with_type(text));
    auto blank = pattern.find_last_of(blanks);
    auto last = blank == pattern.npos ? pattern : pattern.substr(blank + 1);
    if (last.starts_with("max=")) {
        uint64_t number = 0;
        auto digits = last.substr(4);
        auto result = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        if (digits.empty() || result.ec != std::errc() || result.ptr != digits.data() + digits.size())
            return fmt::format("'{}' is no number; write max=N, such as max=3", quoted(digits));
        line.max = number;
        pattern = blank == pattern.npos ? std::string_view() : trimmed(pattern.substr(0, blank));
    }
    if (pattern.empty())
        return fmt::format("no pattern; if it is to match everything, write {}:*", type);
    line.type = type;
    line.pattern = pattern;
    return {};
}

} // namespace

bool template_match(std::string_view pattern, std::string_view text)
{
    if (text.empty())
        return false;
    bool at_start = pattern.starts_with('^');
    if (at_start)
        pattern.remove_prefix(1);
    // `$` ends the pattern wherever it stands, as it does for LSan
    auto dollar = pattern.find('$');
    bool at_end = dollar != std::string_view::npos;
    pattern = pattern.substr(0, dollar);

    while (true) {
        auto star = pattern.find('*');
        auto piece = pattern.substr(0, star);
        if (star == std::string_view::npos) {
            if (!at_end)
                return at_start ? text.starts_with(piece) : text.find(piece) != std::string_view::npos;
            return at_start ? text == piece : text.ends_with(piece);
        }
        auto found = text.find(piece);
        if (found == std::string_view::npos || (at_start && found != 0))
            return false;
        text.remove_prefix(found + piece.size());
        pattern.remove_prefix(star + 1);
        at_start = false;
    }
}

Suppressions parse_suppressions(std::string_view text, std::string name)
{
    Suppressions parsed;
    int number = 0;
    if (text.starts_with("\xef\xbb\xbf")) // the byte order mark that editors of Windows put before UTF-8
        text.remove_prefix(3);
    for (size_t begin = 0; begin < text.size();) {
        auto end = std::min(text.find('\n', begin), text.size());
        auto line_text = trimmed(text.substr(begin, end - begin));
        begin = end + 1;
        number++;
        if (line_text.empty() || line_text[0] == '#')
            continue;
        Suppression line;
        line.origin = fmt::format("{}:{}", name, number);
        line.text = line_text;
        line.problem = parse_line(line_text, line);
        parsed.lines.push_back(std::move(line));
    }
    return parsed;
}

void append_suppressions(Suppressions &all, Suppressions more)
{
    all.lines.insert(all.lines.end(), std::make_move_iterator(more.lines.begin()),
                     std::make_move_iterator(more.lines.end()));
}

void mark_unknown_types(Suppressions &suppressions, const std::set<std::string> &families,
                        const std::set<std::string> &others)
{
    std::set<std::string> types = families;
    types.insert("leak");
    for (const Rule &rule : rules())
        types.emplace(rule.name);
    for (Suppression &line : suppressions.lines)
        if (line.problem.empty() && !types.contains(line.type) && !others.contains(line.type))
            line.problem =
                no_such("family or rule", quoted(line.type), types,
                        fmt::format("write leak:{} for whatever is left behind, or a family that unpaired "
                                    "resources lists",
                                    quoted(line.pattern)));
}

std::vector<std::string> suppression_problems(const Suppressions &suppressions)
{
    std::vector<std::string> problems;
    for (const Suppression &line : suppressions.lines)
        if (!line.problem.empty())
            problems.push_back(
                fmt::format("{}: suppression '{}': {}", line.origin, quoted(line.text), line.problem));
    return problems;
}

void apply_suppressions(Suppressions &suppressions, ImageReport &image)
{
    for (auto &line : suppressions.lines) {
        std::vector<Finding *> matched;
        uint64_t acquisitions = 0;
        for (auto &finding : image.findings)
            if (finding.suppressed_by.empty() && matches(line, finding)) {
                matched.push_back(&finding);
                acquisitions += std::max<uint64_t>(finding.count, 1);
            }
        line.findings += matched.size();
        if (line.max && acquisitions > *line.max) {
            image.remarks.push_back(fmt::format(
                "suppression '{}' ({}) was not applied: it matches {} acquisitions, {} more than its max; "
                "look at what is new, or write max={}",
                line.text, line.origin, acquisitions, acquisitions - *line.max, acquisitions));
            continue;
        }
        for (auto *finding : matched) {
            finding->suppressed_by = fmt::format("{} ({})", line.text, line.origin);
            finding->severity = Severity::note;
        }
    }
}

std::vector<UnusedSuppression> unused_suppressions(const Suppressions &suppressions)
{
    std::vector<UnusedSuppression> unused;
    for (const auto &line : suppressions.lines)
        if (line.findings == 0 && line.problem.empty())
            unused.push_back({line.origin, line.text});
    return unused;
}

namespace {

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes)
{
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](std::string_view prefix) { return text.starts_with(prefix); });
}

bool is_loader(const Frame &frame)
{
    return starts_with_any(base_name(frame.module), {"ld-linux", "ld-2.", "ld.so", "ld-musl", "ld64.so"});
}

/// The libraries the built-in list speaks of.
bool is_runtime(const Frame &frame)
{
    return is_loader(frame) ||
           starts_with_any(base_name(frame.module),
                           {"libc.so", "libc-2.", "libstdc++.so", "libgcc_s.so", "libpthread", "libdl.so",
                            "libdl-2.", "libm.so", "libm-2.", "librt.so", "librt-2.", "libresolv", "libnss_",
                            "libnsl", "libunpaired_preload.so"});
}

const Suppressions &builtin_list()
{
    static const Suppressions list = [] {
        static constexpr std::string_view text =
#include "passes/builtin_suppressions.inc"
            ;
        return parse_suppressions(text, "built-in"); // the unit test has seen that no line is broken
    }();
    return list;
}

} // namespace

bool is_lifelong(const Finding &finding)
{
    if (finding.rule != "never-released")
        return false;
    Finding innermost;
    innermost.rule = finding.rule;
    innermost.family = finding.family;
    auto &frames = innermost.stack;
    for (const auto &frame : finding.stack) {
        if (!is_runtime(frame))
            break;
        frames.push_back(frame);
    }
    if (frames.empty())
        return false;
    // The loader running a runtime library's initialiser: no code of the program is on the stack. (Its name
    // would say so too, but a stripped libstdc++ has none to show.)
    if (frames.size() == finding.stack.size() && is_loader(frames.back()))
        return true;
    const auto &lines = builtin_list().lines;
    return std::any_of(lines.begin(), lines.end(),
                       [&](const Suppression &line) { return matches(line, innermost); });
}

} // namespace unpaired
