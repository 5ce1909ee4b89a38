#include "commands/help.h"

#include <fmt/format.h>
#include <string_view>

namespace unpaired {
namespace {

constexpr size_t width = 96, column = 26;

std::string usage(const std::string &command)
{
    if (command == "run" || command == "record")
        return fmt::format("unpaired {} [options] -- PROGRAM [ARGS]", command);
    if (command == "report")
        return "unpaired report TRACE... [options]\n       unpaired report STREAM... --elf FIRMWARE "
               "[options]";
    if (command == "diff")
        return "unpaired diff OLD NEW [options]";
    if (command == "postmortem")
        return "unpaired postmortem IMAGE[@ADDR]... --elf FILE [--base ADDR] [options]\n       unpaired "
               "postmortem CORE [--elf FILE] [--trace FILE] [options]";
    if (command == "verify")
        return "unpaired verify FIRMWARE.elf [options]";
    if (command == "ctl")
        return "unpaired ctl PID|TRACE start|stop|snapshot|status\n       unpaired ctl PID|TRACE mark NAME";
    if (command == "resources")
        return "unpaired resources\n       unpaired resources --for preload|wrap --user FILE.json [-o "
               "FILE.def]\n       unpaired resources --for wrap --families NAME,... [options]";
    return "unpaired COMMAND ...";
}

/// `left` in the left column and `text` wrapped in the right one.
std::string entry(const std::string &left, std::string_view text)
{
    std::string out = fmt::format("  {:<{}}", left, column - 2);
    if (left.size() + 3 > column)
        out = fmt::format("  {}\n{:{}}", left, "", column);
    size_t at = column;
    bool fresh = true;
    while (!text.empty()) {
        const size_t blank = text.find(' ');
        const std::string_view word = text.substr(0, blank);
        text = blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1);
        if (!fresh && at + 1 + word.size() > width) {
            out += fmt::format("\n{:{}}", "", column);
            at = column;
            fresh = true;
        }
        out += fmt::format("{}{}", fresh ? "" : " ", word);
        at += word.size() + (fresh ? 0 : 1);
        fresh = false;
    }
    return out + "\n";
}

std::string left_of(const CLI::Option *option)
{
    if (option->get_positional())
        return option->get_option_text().empty() ? option->get_name(true, false) : option->get_option_text();
    std::string left = option->get_name(false, true);
    for (size_t comma = left.find(','); comma != std::string::npos; comma = left.find(',', comma + 2))
        left.replace(comma, 1, ", ");
    if (!option->get_option_text().empty())
        left += " " + option->get_option_text();
    return left;
}

std::string group_of(const CLI::App *app, const std::string &group, bool positional)
{
    std::string out;
    for (const CLI::Option *option : app->get_options())
        if (option->get_positional() == positional && (positional || option->get_group() == group) &&
            !option->get_group().empty())
            out += entry(left_of(option), option->get_description());
    return out.empty() ? out : fmt::format("\n{}:\n{}", positional ? "Arguments" : group, out);
}

} // namespace

std::string HelpFormatter::make_help(const CLI::App *app, std::string, CLI::AppFormatMode) const
{
    const bool top = app->get_parent() == nullptr;
    std::string out =
        fmt::format("{}\n\nUsage: {}\n", app->get_description(), usage(top ? "" : app->get_name()));
    out += group_of(app, {}, true);
    std::string last;
    for (const std::string &group : app->get_groups()) {
        if (group == "Options")
            last = group_of(app, group, false); // --help among them: last, as it is known
        else
            out += group_of(app, group, false);
    }
    if (top) {
        out += "\nCommands:\n";
        for (const CLI::App *command : app->get_subcommands([](const CLI::App *) { return true; }))
            out += entry(command->get_name(), command->get_description());
    }
    out += last;
    if (!app->get_footer().empty())
        out += "\n" + app->get_footer() + "\n";
    return out;
}

} // namespace unpaired
