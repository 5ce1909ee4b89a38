#include "commands/cycle_option.h"

#include "commands/resource_table.h"
#include "commands/trouble.h"
#include "input/function_names.h"
#include "near_names.h"
#include "passes/cycles.h"
#include "words.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

namespace unpaired {
namespace {

[[noreturn]] void refuse_unknown(const std::string &function, const std::set<std::string> &names)
{
    const std::vector<std::string> near = near_names(function, names);
    throw Trouble(
        fmt::format("--cycle: there is no function '{}' that acquires or releases something; {}unpaired "
                    "resources lists them all.",
                    function, near.empty() ? "" : fmt::format("did you mean {}? ", joined_or(near))));
}

bool begins_cycles(uint8_t role)
{
    return role == UNPAIRED_ROLE_ACQUIRE || role == UNPAIRED_ROLE_MOVE || role == UNPAIRED_ROLE_RELEASE;
}

/// "socket (12 times), accept4 (3 times)": what was called that is like it, else what was called most.
std::string called_instead(const std::string &function, const std::vector<Trace> &traces)
{
    constexpr size_t most = 4;
    std::map<std::string, uint64_t> calls;
    for (const Trace &trace : traces)
        for (const Counter &counter : trace.counters) {
            auto site = trace.sites.find(counter.site);
            if (site == trace.sites.end() || counter.acquired == 0)
                continue;
            auto called = trace.dictionary.functions.find(site->second.function);
            if (called != trace.dictionary.functions.end())
                calls[name_as_called(called->second.name)] += counter.acquired;
        }
    std::set<std::string> names;
    for (const auto &[name, count] : calls)
        names.insert(name);
    std::vector<std::string> chosen = near_names(function, names);
    if (chosen.empty()) {
        chosen.assign(names.begin(), names.end());
        std::sort(chosen.begin(), chosen.end(), [&](const std::string &a, const std::string &b) {
            return std::pair(calls[b], a) < std::pair(calls[a], b);
        });
        chosen.resize(std::min(chosen.size(), most));
    }
    std::vector<std::string> told;
    for (const std::string &name : chosen)
        told.push_back(
            fmt::format("{} ({})", name, calls[name] == 1 ? "once" : grouped(calls[name]) + " times"));
    return told.empty() ? "" : fmt::format(", but {}", fmt::join(told, ", "));
}

struct ToldByAll {
    bool known = false, counted = false;
    uint64_t calls = 0;
};

ToldByAll told_by(const std::vector<Trace> &traces, const std::string &function)
{
    ToldByAll all;
    for (const Trace &trace : traces) {
        const CallsTold told = calls_told(trace, function);
        all.known = all.known || told.known;
        all.counted = all.counted || told.counted;
        all.calls += told.counted ? told.calls : 0;
    }
    return all;
}

} // namespace

void add_cycle_option(CLI::App &command, const std::string &group, std::string &function)
{
    command
        .add_option("--cycle", function,
                    "Each successful call of this function (unpaired resources lists them) begins a cycle, "
                    "such as accept4 or socket: growth is told per cycle. The program's own marks begin none "
                    "then.")
        ->option_text("FUNCTION")
        ->group(group);
}

void require_cycle_function(const std::string &function)
{
    if (function.empty())
        return;
    std::set<std::string> names;
    for (const TableFunction &known : resource_table().functions)
        if (begins_cycles(known.role))
            names.emplace(known.name);
    if (!names.contains(function))
        refuse_unknown(function, names);
}

void require_cycle_function(const std::string &function, const std::vector<Trace> &traces)
{
    if (function.empty() || traces.empty())
        return;
    const ToldByAll told = told_by(traces, function);
    if (!told.known) {
        std::set<std::string> names;
        for (const Trace &trace : traces)
            for (const auto &[id, known] : trace.dictionary.functions)
                if (begins_cycles(known.role))
                    names.insert(name_as_called(known.name));
        refuse_unknown(function, names);
    }
    if (!told.counted)
        throw Trouble(
            fmt::format("--cycle: how often {} was called is not in the trace, which counts what was "
                        "acquired; record it with --cycle={}.",
                        function, function));
    if (told.calls == 0)
        throw Trouble(
            fmt::format("--cycle: {} was never called{}.", function, called_instead(function, traces)));
}

void remark_functions_not_called(const std::vector<Trace> &traces, std::vector<std::string> &remarks)
{
    std::set<std::string> functions;
    for (const Trace &trace : traces)
        functions.insert(trace.cycle_function);
    functions.erase("");
    for (const std::string &function : functions)
        if (told_by(traces, function).calls == 0)
            remarks.push_back(
                fmt::format("no cycles: {} was never called{}", function, called_instead(function, traces)));
}

} // namespace unpaired
