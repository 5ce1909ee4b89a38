#include "writers/escapes.h"

#include "writers/text_words.h"
#include "writers/utf8.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace unpaired {
namespace {

const char *kind_name(EscapeKind kind)
{
    switch (kind) {
    case EscapeKind::call:
        return "call";
    case EscapeKind::tail_call:
        return "tail-call";
    case EscapeKind::address:
        return "address";
    case EscapeKind::word:
        return "word";
    case EscapeKind::inlined:
        return "inlined";
    }
    return "?";
}

const char *cause_name(EscapeCause cause)
{
    switch (cause) {
    case EscapeCause::same_object:
        return "same-object";
    case EscapeCause::not_wrapped:
        return "not-wrapped";
    case EscapeCause::link_time:
        return "lto";
    case EscapeCause::inlined_early:
        return "inlined";
    }
    return "?";
}

const char *cause_sentence(EscapeCause cause)
{
    switch (cause) {
    case EscapeCause::same_object:
        return "both are in one object file, and the linker wraps only what that leaves undefined";
    case EscapeCause::not_wrapped:
        return "the linker was not told to wrap it";
    case EscapeCause::link_time:
        return "LTO resolved it before the linker could wrap it";
    case EscapeCause::inlined_early:
        return "the compiler inlined it in its own file";
    }
    return "?";
}

std::string what_happens(const Escape &escape)
{
    const std::string function = function_text(escape.function);
    switch (escape.kind) {
    case EscapeKind::call:
        return fmt::format("calls {} itself", function);
    case EscapeKind::tail_call:
        return fmt::format("ends in a jump to {} itself", function);
    case EscapeKind::address:
        return fmt::format("takes the address of {} itself", function);
    case EscapeKind::word:
        return fmt::format("has the address of {} itself", function);
    case EscapeKind::inlined:
        return fmt::format("contains {}, inlined", function);
    }
    return "?";
}

std::string place_of(const Escape &escape)
{
    if (escape.line > 0)
        return fmt::format(", {}:{}", base_name(escape.file), escape.line);
    return escape.kind == EscapeKind::word ? fmt::format(", section {}", escape.section) : "";
}

} // namespace

void write_escapes_text(std::ostream &out, const EscapeReport &report, const std::vector<Fix> &fixes,
                        const EscapeText &how)
{
    const std::string allowed =
        report.allowed == 0 ? "" : fmt::format("; {} more allowed by --allow", grouped(report.allowed));
    const std::string program = one_printable_line(base_name(how.program));
    if (report.escapes.empty()) {
        out << fmt::format("{}: no call escapes the hooks ({} followed, {} of them in the image, {} to the "
                           "hooks{})\n",
                           program, plural(report.functions, "function"), report.linked,
                           plural(report.hooked, "reference"), allowed);
        return;
    }
    const auto bold = [&](const std::string &text) {
        return how.colour ? "\x1b[1m" + text + "\x1b[0m" : text;
    };
    out << bold(fmt::format("{}: {} the hooks", program,
                            report.escapes.size() == 1 ? "1 call escapes"
                                                       : grouped(report.escapes.size()) + " calls escape"))
        << fmt::format(" ({} followed, {} of them in the image, {} to the hooks{})\n",
                       plural(report.functions, "function"), report.linked,
                       plural(report.hooked, "reference"), allowed);
    for (const Escape &escape : report.escapes) {
        // a clone is told by its own name: that is what --allow takes
        const std::string caller = escape.caller.empty()             ? "?"
                                   : escape.caller.starts_with("_Z") ? function_text(escape.caller)
                                                                     : escape.caller;
        out << fmt::format("\n  {:#010x} {} {}{}\n             {}\n", escape.address,
                           one_printable_line(caller), one_printable_line(what_happens(escape)),
                           one_printable_line(place_of(escape)), cause_sentence(escape.cause));
    }
    const auto is_guess = [](const Escape &e) {
        return e.kind == EscapeKind::word || e.kind == EscapeKind::address;
    };
    if (!report.exact && std::any_of(report.escapes.begin(), report.escapes.end(), is_guess))
        out << "\n  A number that happens to be a function's address looks like a pointer to it: link with "
               "-Wl,-q "
               "(relocations are kept,\n  in the ELF file only) and it is told apart.\n";
    if (!how.has_debug_information)
        out << "\n  No debug information: no lines, and what was inlined is not seen. Compile with -g.\n";
    if (!how.with_fixes) {
        out << "\n  What to do: unpaired verify " << one_printable_line(how.program) << " --fix\n";
        return;
    }
    for (const Fix &fix : fixes) {
        out << "\n";
        for (const std::string &line : fix.lines)
            out << one_printable_line(line) << "\n";
    }
}

void write_escapes_json(std::ostream &out, const EscapeReport &report, const std::vector<Fix> &fixes,
                        const EscapeText &how)
{
    using Json = nlohmann::ordered_json;
    Json document = {{"schema", "unpaired-verify/1"}, {"program", how.program},
                     {"functions", report.functions}, {"linked", report.linked},
                     {"hooked", report.hooked},       {"allowed", report.allowed},
                     {"exact", report.exact},         {"debug_information", how.has_debug_information},
                     {"escapes", Json::array()}};
    for (const Escape &escape : report.escapes) {
        Json one = {{"function", escape.function},
                    {"kind", kind_name(escape.kind)},
                    {"cause", cause_name(escape.cause)},
                    {"address", fmt::format("{:#x}", escape.address)}};
        if (!escape.caller.empty())
            one["caller"] = escape.caller;
        if (!escape.section.empty())
            one["section"] = escape.section;
        if (!escape.file.empty())
            one["file"] = escape.file;
        if (escape.line > 0)
            one["line"] = escape.line;
        document["escapes"].push_back(std::move(one));
    }
    if (how.with_fixes) {
        document["fixes"] = Json::array();
        for (const Fix &fix : fixes)
            document["fixes"].push_back(fix.lines);
    }
    // names come from symbol tables, which need not be UTF-8
    out << printable_json(document.dump(2, ' ', false, Json::error_handler_t::replace)) << "\n";
}

} // namespace unpaired
