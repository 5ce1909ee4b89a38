#include "commands/make_report.h"

#include "commands/cycle_option.h"
#include "commands/limit_options.h"
#include "commands/option_values.h"
#include "commands/read_inputs.h"
#include "commands/trouble.h"
#include "families.h"
#include "passes/analyze.h"
#include "passes/compare.h"
#include "passes/join.h"
#include "symbols/owner_rules.h"
#include "words.h"
#include "writers/text_clean.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <set>
#include <spdlog/spdlog.h>
#include <stdexcept>

namespace unpaired {
namespace {

std::string read_text(const std::string &path)
{
    std::string text = read_text_file(path, "cannot read suppressions from");
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
        throw Trouble(
            fmt::format("cannot read suppressions from '{}': it is UTF-16; save it as UTF-8.", path));
    if (text.find('\0') != std::string::npos)
        throw Trouble(fmt::format("cannot read suppressions from '{}': it is no text.", path));
    return text;
}

/// One that is none at all (a program's source, a log) has a broken line for each of its lines.
void tell_broken_lines(const std::vector<std::string> &problems)
{
    constexpr size_t most_told = 10;
    for (size_t i = 0; i < std::min(problems.size(), most_told); i++)
        spdlog::warn("{}", cleaned(problems[i]));
    if (problems.size() > most_told)
        spdlog::warn("{} more suppression lines are broken; the report has them all.",
                     problems.size() - most_told);
}

Report read_baseline(const ReportOptions &options)
{
    std::error_code error;
    if (!std::filesystem::exists(options.baseline, error))
        throw Trouble(fmt::format("--baseline: there is no file '{}'; save one with --output json:{}.",
                                  options.baseline, options.baseline));
    try {
        Inputs inputs = read_inputs({options.baseline}, {});
        return make_report(inputs.traces, options, {}, std::move(inputs.reports));
    } catch (const std::runtime_error &problem) {
        throw Trouble(fmt::format("--baseline: {}", problem.what()));
    }
}

/// The families that traces and saved reports may have findings of.
std::set<std::string> families_of(const std::vector<Trace> &traces, const std::vector<Report> &saved)
{
    std::set<std::string> families;
    for (const Trace &trace : traces) // a user's own
        for (const auto &[id, family] : trace.dictionary.families)
            families.insert(family.name);
    for (const Report &report : saved)
        for (const ImageReport &image : report.images)
            for (const auto &[family, totals] : image.totals)
                families.insert(family);
    return families;
}

std::set<std::string> families_of_all_tables()
{
    std::set<std::string> families;
    for (const FamilyOfTable &family : families_of_table())
        families.emplace(family.name);
    return families;
}

/// A trace that is cut off or damaged before its first image has no place in the report but this one.
void remark_empty_traces(const std::vector<Trace> &traces, std::vector<std::string> &remarks)
{
    for (const Trace &trace : traces) {
        const bool has_image = !trace.counters.empty() || !trace.slots.empty() ||
                               std::any_of(trace.images.begin(), trace.images.end(),
                                           [](const auto &image) { return image.second.recorded; });
        if (has_image)
            continue;
        if (trace.damage.empty())
            remarks.push_back(fmt::format(
                "'{}' holds no process: it was cut off before the first one was noted", trace.path));
        for (const std::string &damage : trace.damage)
            remarks.push_back(fmt::format("'{}': {}", trace.path, damage));
    }
}

} // namespace

ReportFiles check_report_options(const ReportOptions &options)
{
    ReportFiles files;
    parse_owner_rules(options.owners);
    for (const std::string &path : options.suppressions)
        append_suppressions(files.suppressions, parse_suppressions(read_text(path), path));
    if (!options.baseline.empty())
        files.baseline = read_baseline(options);
    parse_limits(options.limits);
    check_outputs(options);
    return files;
}

Symbolize symbolize_with(Symbolizer &symbolizer)
{
    return [&symbolizer](const Module &module, uint64_t address) {
        return symbolizer.resolve({module.path, module.build_id, module.start, module.end, module.bias},
                                  address);
    };
}

Report make_report(const std::vector<Trace> &traces, const ReportOptions &options, const ReportFiles &files,
                   std::vector<Report> saved)
{
    AnalyzeOptions analyze_options;
    analyze_options.suppressions = files.suppressions;
    analyze_options.owner_rules = parse_owner_rules(options.owners);
    analyze_options.cycle_function = options.cycle_function;
    mark_unknown_types(analyze_options.suppressions, families_of(traces, saved), families_of_all_tables());
    std::vector<std::string> remarks = suppression_problems(analyze_options.suppressions);
    if (!text_on_stream(options))
        tell_broken_lines(remarks);
    analyze_options.limits = parse_limits(options.limits);
    require_known_families(analyze_options.limits, traces);
    Symbolizer symbolizer(options.symbols);
    Symbolize symbolize = symbolize_with(symbolizer);
    analyze_options.name_variable = [&symbolizer](const Module &module, uint64_t address) {
        return symbolizer.variable({module.path, module.build_id, module.start, module.end, module.bias},
                                   address);
    };
    remark_empty_traces(traces, remarks);
    remark_functions_not_called(traces, remarks);
    Report report = analyze(traces, analyze_options, symbolize);
    const std::vector<std::string> problems = symbolizer.problems();
    remarks.insert(remarks.end(), problems.begin(), problems.end());
    report.remarks.insert(report.remarks.end(), remarks.begin(), remarks.end());
    if (!saved.empty())
        report = join_saved(std::move(report), std::move(saved), analyze_options);
    if (files.baseline)
        mark_baseline(report, *files.baseline);
    return report;
}

} // namespace unpaired
