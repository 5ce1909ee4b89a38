#include "passes/escape_fixes.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <set>

namespace unpaired {
namespace {

std::string quoted(const std::string &text)
{
    static constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%";
    if (!text.empty() && text.find_first_not_of(plain) == std::string::npos)
        return text;
    std::string out = "'";
    for (const char c : text)
        out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

struct Defined {
    std::string function;
    FunctionOrigin origin;
};

/// Functions that one object file defines.
struct ObjectFile {
    std::string file, member, source; ///< file: the source's name where the object's is not known
    std::vector<Defined> functions;
};

/// The functions of one object file that their own neighbours call.
Fix for_object(const ObjectFile &object, const std::string &tool_prefix)
{
    Fix fix;
    const std::string &source = object.source;
    const FunctionOrigin &first = object.functions.front().origin;
    std::vector<std::string> names, options;
    for (const Defined &f : object.functions) {
        names.push_back(f.function);
        const std::string section = f.origin.known ? quoted(f.origin.section) : "SECTION";
        const std::string offset = f.origin.known ? fmt::format("{:#x}", f.origin.offset) : "OFFSET";
        options.push_back(fmt::format("--redefine-sym {0}=__wrap_{0} --weaken-symbol __wrap_{0} --add-symbol "
                                      "{0}={1}:{2},function,global",
                                      f.function, section, offset));
    }
    const std::string of = source.empty() ? "" : fmt::format(" (made from {})", source);
    if (!first.known) {
        fix.lines.push_back(fmt::format("# {}: called inside the object file that defines {}{}.",
                                        fmt::join(names, ", "), names.size() == 1 ? "it" : "them", of));
        fix.lines.push_back(
            "# OBJECT, SECTION and OFFSET are not known here: link with -Wl,-Map=FILE and give "
            "--map FILE,");
        fix.lines.push_back("# or take them from `objdump -t OBJECT` (Thumb: OFFSET + 1).");
        fix.lines.push_back(fmt::format("{}objcopy {} OBJECT", tool_prefix, fmt::join(options, " ")));
        return fix;
    }
    if (first.member.empty()) {
        fix.lines.push_back(fmt::format("# {}: called inside {}{}. After it is compiled, before the link:",
                                        fmt::join(names, ", "), first.file, of));
        fix.lines.push_back(
            fmt::format("{}objcopy {} {}", tool_prefix, fmt::join(options, " "), quoted(first.file)));
        return fix;
    }
    fix.lines.push_back(fmt::format(
        "# {}: called inside {} of {}{}. Once; then link {} too, before {}:", fmt::join(names, ", "),
        first.member, first.file, of, first.member, std::filesystem::path(first.file).filename().string()));
    fix.lines.push_back(fmt::format("{}ar x {} {}", tool_prefix, quoted(first.file), quoted(first.member)));
    fix.lines.push_back(
        fmt::format("{}objcopy {} {}", tool_prefix, fmt::join(options, " "), quoted(first.member)));
    return fix;
}

/// Sorted and distinct.
template <class Get> std::vector<std::string> distinct(const std::vector<const Escape *> &escapes, Get get)
{
    std::set<std::string> names;
    for (const Escape *escape : escapes)
        names.insert(get(*escape));
    names.erase("");
    return {names.begin(), names.end()};
}

std::string source_of(const Escape &e) { return e.function_source; }
std::string function_of(const Escape &e) { return e.function; }

} // namespace

std::vector<Fix> fixes_for(const std::vector<Escape> &escapes,
                           const std::function<FunctionOrigin(const Escape &)> &origin_of,
                           const std::string &tool_prefix)
{
    std::vector<Fix> fixes;
    std::map<EscapeCause, std::vector<const Escape *>> by_cause;
    for (const Escape &escape : escapes)
        by_cause[escape.cause].push_back(&escape);

    if (const auto &list = by_cause[EscapeCause::not_wrapped]; !list.empty()) {
        std::vector<std::string> flags;
        for (const std::string &name : distinct(list, function_of))
            flags.push_back("-Wl,--wrap=" + name);
        fixes.push_back(
            {{"# The linker was not told to wrap these. Add to the link (or `-Wl,@FILE` with the list of",
              "# `unpaired resources --for wrap`):", fmt::format("# {}", fmt::join(flags, " "))}});
    }
    if (const auto &list = by_cause[EscapeCause::link_time]; !list.empty()) {
        const auto sources = distinct(list, source_of);
        Fix fix;
        fix.lines.push_back(fmt::format("# LTO resolved the calls of {} before the linker could wrap them.",
                                        fmt::join(distinct(list, function_of), ", ")));
        fix.lines.push_back(
            "# Compile the files that define these functions with -fno-lto; the rest may keep LTO.");
        fixes.push_back(std::move(fix));
    }
    if (const auto &list = by_cause[EscapeCause::inlined_early]; !list.empty()) {
        Fix fix;
        for (const std::string &name : distinct(list, function_of))
            fix.lines.push_back(
                fmt::format("# {}: inlined by its own file. Declare it __attribute__((noinline)), or "
                            "compile that file with -fno-inline; then run verify again.",
                            name));
        fixes.push_back(std::move(fix));
    }
    std::vector<ObjectFile> objects;
    std::set<std::string> done;
    for (const Escape *escape : by_cause[EscapeCause::same_object]) {
        if (!done.insert(escape->function).second)
            continue;
        const FunctionOrigin origin = origin_of(*escape);
        const std::string file = origin.known ? origin.file : escape->function_source;
        auto object = std::find_if(objects.begin(), objects.end(), [&](const ObjectFile &o) {
            return o.file == file && o.member == origin.member;
        });
        if (object == objects.end())
            object = objects.insert(objects.end(), {file, origin.member, escape->function_source, {}});
        object->functions.push_back({escape->function, origin});
    }
    for (const ObjectFile &object : objects)
        fixes.push_back(for_object(object, tool_prefix));
    return fixes;
}

} // namespace unpaired
