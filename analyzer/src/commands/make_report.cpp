#include "commands/make_report.h"

#include "commands/cycle_option.h"
#include "commands/trouble.h"
#include "passes/analyze.h"
#include "symbols/owner_rules.h"
#include "symbols/symbolizer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>

namespace unpaired {
namespace {

std::string read_text(const std::string &path)
{
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        throw Trouble(fmt::format("cannot read suppressions from '{}': it is a folder.", path));
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw Trouble(fmt::format("cannot read suppressions from '{}': {}.", path, std::strerror(errno)));
    return {std::istreambuf_iterator<char>(file), {}};
}

Suppressions read_suppressions(const ReportOptions &options, std::vector<std::string> &problems)
{
    Suppressions all;
    for (const std::string &path : options.suppressions)
        append_suppressions(all, parse_suppressions(read_text(path), path, problems));
    return all;
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

void check_report_options(const ReportOptions &options)
{
    std::vector<std::string> ignored;
    read_suppressions(options, ignored);
    parse_owner_rules(options.owners);
    check_outputs(options);
}

Report make_report(const std::vector<Trace> &traces, const ReportOptions &options)
{
    std::vector<std::string> remarks;
    AnalyzeOptions analyze_options;
    analyze_options.suppressions = read_suppressions(options, remarks);
    analyze_options.owner_rules = parse_owner_rules(options.owners);
    analyze_options.cycle_function = options.cycle_function;
    Symbolizer symbolizer(options.symbols);
    Symbolize symbolize = [&symbolizer](const Module &module, uint64_t address) {
        return symbolizer.resolve({module.path, module.build_id, module.start, module.end, module.bias},
                                  address);
    };
    remark_empty_traces(traces, remarks);
    remark_functions_not_called(traces, remarks);
    Report report = analyze(traces, analyze_options, symbolize);
    const std::vector<std::string> problems = symbolizer.problems();
    remarks.insert(remarks.end(), problems.begin(), problems.end());
    report.remarks.insert(report.remarks.end(), remarks.begin(), remarks.end());
    return report;
}

} // namespace unpaired
