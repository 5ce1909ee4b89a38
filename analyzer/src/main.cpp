// Parses the command line and runs the command; every failure is one line on stderr and status 2.
#include "commands/commands.h"
#include "commands/help.h"
#include "commands/inherited_descriptors.h"
#include "commands/trouble.h"
#include "commands/usage_error.h"
#include "input/input_error.h"
#include "writers/utf8.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <memory>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

/// A descriptor of 0 to 2 that was closed for us would be taken by the first file we open, and the report would
/// go there. The program still finds it closed.
void occupy_standard_descriptors()
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", O_RDWR | O_CLOEXEC);
}

/// Prints the text of a message, as %Q of a pattern. A message may contain names from outside, so this makes it one
/// line without control characters.
class PrintableText : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg &message, const std::tm &, spdlog::memory_buf_t &to) override
    {
        const std::string text =
            unpaired::one_printable_line({message.payload.data(), message.payload.size()});
        to.append(text.data(), text.data() + text.size());
    }
    std::unique_ptr<custom_flag_formatter> clone() const override
    {
        return std::make_unique<PrintableText>();
    }
};

void log_to_stderr(const std::string &command)
{
    auto logger = spdlog::stderr_color_mt("unpaired");
    auto pattern = std::make_unique<spdlog::pattern_formatter>();
    pattern->add_flag<PrintableText>('Q').set_pattern(command.empty() ? "unpaired: %Q"
                                                                      : "unpaired " + command + ": %Q");
    logger->set_formatter(std::move(pattern));
    spdlog::set_default_logger(logger);
}

bool takes_a_program(const std::string &command) { return command == "run" || command == "record"; }

/// Splits what is ours to parse from the program and its arguments, which may look like options of ours.
void split(std::vector<std::string> &ours, unpaired::Command &program)
{
    const auto dashes = std::find(ours.begin(), ours.end(), "--");
    if (ours.empty() || !takes_a_program(ours.front()) || dashes == ours.end())
        return;
    program.assign(dashes + 1, ours.end());
    ours.erase(dashes, ours.end());
}

} // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): out of memory, or a mistake of ours in an option; to be seen as it is
int main(int argc, char **argv)
{
    unpaired::remember_inherited_descriptors();
    occupy_standard_descriptors();
    std::vector<std::string> arguments(argv + 1, argv + argc);
    unpaired::Command program;
    split(arguments, program);

    CLI::App app(
        "Finds what a program acquired and never gave back: memory, descriptors, sockets, locks, threads.",
        "unpaired");
    app.set_version_flag("--version", "unpaired " UNPAIRED_VERSION, "Print the version.");
    app.require_subcommand(1);
    app.set_help_flag("-h,--help", "Print this help.");
    app.formatter(std::make_shared<unpaired::HelpFormatter>());
    app.footer("unpaired COMMAND --help tells more, with examples. The shortest way in:\n"
               "  unpaired run -- PROGRAM [ARGS]");
    const std::vector<unpaired::Action> actions = {
        unpaired::add_run(app, program), unpaired::add_record(app, program), unpaired::add_report(app),
        unpaired::add_diff(app),         unpaired::add_postmortem(app),      unpaired::add_ctl(app),
        unpaired::add_resources(app),    unpaired::add_verify(app),
    };
    const std::vector<CLI::App *> commands = app.get_subcommands([](CLI::App *) { return true; });

    for (CLI::App *command : commands)
        unpaired::take_no_values(*command);
    try {
        std::vector<std::string> reversed(arguments.rbegin(), arguments.rend()); // as CLI11 wants them
        app.parse(reversed);
    } catch (const CLI::Success &asked) {
        return app.exit(asked); // --help, --version
    } catch (const CLI::ParseError &error) {
        const std::string word = arguments.empty() ? std::string() : arguments.front();
        const auto named = std::find_if(commands.begin(), commands.end(), [&word](const CLI::App *command) {
            return command->get_name() == word;
        });
        const CLI::App *command = named == commands.end() ? nullptr : *named;
        log_to_stderr(command ? word : std::string());
        spdlog::error("{}", unpaired::usage_error(app, command, arguments, error));
        return unpaired::exit_trouble;
    }
    for (size_t i = 0; i < commands.size(); i++) {
        if (!commands[i]->parsed())
            continue;
        log_to_stderr(commands[i]->get_name());
        try {
            return actions[i]();
        } catch (const std::exception &error) {
            spdlog::error("{}", error.what());
            return unpaired::exit_trouble;
        }
    }
    return unpaired::exit_trouble;
}
