// unpaired diff: what changed between two reports.
#include "writers/diff.h"
#include "commands/commands.h"
#include "commands/make_report.h"
#include "commands/read_inputs.h"
#include "commands/report_options.h"
#include "commands/trouble.h"
#include "near_names.h"
#include "passes/compare.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <memory>
#include <sstream>

namespace unpaired {
namespace {

constexpr std::array<std::string_view, 2> diff_formats = {"text", "json"};

struct Options {
    std::string before, after;
    std::vector<std::string> firmware; ///< ELF files of the devices whose streams are compared
    ReportOptions report;
};

/// A comparison has fewer forms than a report.
std::string known_format(const std::string &format)
{
    const std::string name = format.substr(0, format.find(':'));
    if (std::find(diff_formats.begin(), diff_formats.end(), name) != diff_formats.end())
        return {};
    return no_such("format of diff", name, {diff_formats.begin(), diff_formats.end()});
}

bool is_unused(const UnusedSuppression &line, const Suppressions &applied)
{
    return std::any_of(applied.lines.begin(), applied.lines.end(), [&line](const Suppression &one) {
        return one.origin == line.origin && one.findings == 0;
    });
}

int diff(const Options &options)
{
    const ReportFiles files = check_report_options(options.report);
    const std::vector<FirmwareElf> firmware = read_firmware(options.firmware);
    Inputs before = read_inputs({options.before}, firmware), after = read_inputs({options.after}, firmware);
    if (!firmware.empty() && before.streams + after.streams == 0)
        throw Trouble("--elf is for the streams of firmware, and neither of these is one; leave it out.");

    // broken lines are told once, by the new report
    Report old = make_report(before.traces, options.report, {}, std::move(before.reports));
    Suppressions suppressions = files.suppressions;
    for (ImageReport &image : old.images)
        apply_suppressions(suppressions, image);
    const Report now = make_report(after.traces, options.report, files, std::move(after.reports));
    Comparison comparison = compare(old, now);
    comparison.remarks.insert(comparison.remarks.end(), now.remarks.begin(), now.remarks.end());
    for (const UnusedSuppression &line : now.unused_suppressions)
        if (is_unused(line, suppressions))
            comparison.remarks.push_back(
                fmt::format("{}: suppression '{}' matched nothing in either", line.origin, line.text));

    const DiffNames names{options.before, options.after, least_severity(options.report)};
    write_outputs(options.report, [&](std::ostream &out, const Format &format, const WriteOptions &how) {
        if (format.name == "json")
            write_diff_json(out, comparison, names);
        else
            out << write_diff_text(comparison, names, text_style(how));
    });
    const bool worse = std::any_of(comparison.differences.begin(), comparison.differences.end(),
                                   [&](const Difference &one) { return one.counts(names.least); });
    return worse ? exit_findings : exit_nothing_found;
}

} // namespace

Action add_diff(CLI::App &app)
{
    auto options = std::make_shared<Options>();
    CLI::App *command = app.add_subcommand("diff", "What is new, gone, or has grown between two reports.");
    command
        ->add_option("OLD", options->before,
                     "A report saved with --output json:FILE, or a trace, or the stream of a firmware.")
        ->required()
        ->option_text("OLD");
    command->add_option("NEW", options->after, "The same, of a later run.")->required()->option_text("NEW");
    command
        ->add_option("--elf", options->firmware,
                     "The firmware that sent a stream, as linked; each stream takes the one it belongs to.")
        ->option_text("FILE")
        ->allow_extra_args(false);
    add_report_options(*command, options->report);
    command->remove_option(command->get_option("--baseline"));    // that is OLD
    command->remove_option(command->get_option("--source-root")); // of formats it does not have
    command->get_option("--format")->check(CLI::Validator(known_format, "", "format of diff"));
    command->get_option("--format")->description("Format on stdout: text (default) or json.");
    command->get_option("--output")->check(CLI::Validator(known_format, "", "format of diff"));
    command->get_option("--all")->description("Show what is unchanged, notes and suppressed findings too.");
    command->get_option("--fail-on")
        ->description(
            "What counts for the exit status if it is new or has grown: leak, suspect (default) or note.");
    command->footer(
        "A finding is the same in both if program and id are. It has grown if more of it is left: per\n"
        "cycle where the runs have different numbers of cycles, else in all; or if it is more severe.\n\n"
        "Examples:\n"
        "  unpaired diff release-1.2.json unpaired.server.4711.trace\n"
        "  unpaired diff before.trace after.trace --fail-on=leak --format=json\n"
        "  unpaired diff monday.bin friday.bin --elf firmware.elf\n\n"
        "Exit status: 0 nothing new and nothing grown, 1 something is (see --fail-on), 2 trouble.");
    return [options] { return diff(*options); };
}

} // namespace unpaired
