#include "commands/usage_error.h"

#include "near_names.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace unpaired {
namespace {

/// "(see unpaired report --help)"
std::string see_help(const CLI::App &command)
{
    return command.get_parent() ? fmt::format("(see unpaired {} --help)", command.get_name())
                                : std::string("(see unpaired --help)");
}

/// What CLI11 tells of an option's values: too few, too many, or one for a flag, whose name has no dashes then.
std::string mismatch(const std::string &name, const std::string &told)
{
    if (told.find("flag override") != std::string::npos)
        return fmt::format("{}{}: it takes no value", name.starts_with('-') ? "" : "--", name);
    if (told.find("At Most") != std::string::npos)
        return fmt::format("{}: it is given more than once", name);
    return fmt::format("{}: its value is missing", name);
}

} // namespace

std::string unknown_option(const CLI::App &command, const std::string &word)
{
    const std::string name = word.substr(0, word.find('='));
    std::set<std::string> names;
    for (const CLI::Option *option : command.get_options())
        for (const std::string &known : option->get_lnames())
            names.insert("--" + known);
    const std::vector<std::string> near = near_names(name, names);
    return fmt::format("unknown option '{}'{} {}", name,
                       near.empty() ? "" : fmt::format("; did you mean {}?", joined_or(near)),
                       see_help(command));
}

void take_no_values(CLI::App &command)
{
    for (CLI::Option *option : command.get_options())
        if (option->get_items_expected_max() == 0)
            option->disable_flag_override();
}

std::string usage_error(const CLI::App &app, const CLI::App *command,
                        const std::vector<std::string> &arguments, const CLI::ParseError &error)
{
    if (arguments.empty())
        return "which command? unpaired run -- PROGRAM, or see unpaired --help";
    const std::string &word = arguments.front();
    if (!command && !word.starts_with('-')) {
        std::set<std::string> names;
        for (const CLI::App *known : app.get_subcommands([](const CLI::App *) { return true; }))
            names.insert(known->get_name());
        return no_such("command", word, names);
    }
    // what is too much is told before what is missing: an unknown option is the likelier mistake
    const std::vector<std::string> extra = app.remaining(true);
    const CLI::App &parsed = command ? *command : app;
    if (!extra.empty() && extra.front().starts_with('-'))
        return unknown_option(parsed, extra.front());
    if (!command)
        return unknown_option(app, word);

    const std::string told = error.what(), name = told.substr(0, told.find_first_of(" :"));
    switch (static_cast<CLI::ExitCodes>(error.get_exit_code())) {
    case CLI::ExitCodes::ExtrasError: // "The following argument was not expected: b"
        return fmt::format("'{}' is one argument too many {}",
                           told.substr(std::min(told.rfind(": "), told.size() - 2) + 2), see_help(parsed));
    case CLI::ExitCodes::ArgumentMismatch:
        return fmt::format("{} {}", mismatch(name, told), see_help(parsed));
    case CLI::ExitCodes::RequiredError: // "TARGET is required"
        return fmt::format("{} is missing {}", name, see_help(parsed));
    case CLI::ExitCodes::RequiresError: // "--count requires --follow"
        return fmt::format("{} {}", told, see_help(parsed));
    default: // of a value, which the check's own sentence explains
        return told;
    }
}

} // namespace unpaired
