#include "writers/text_clean.h"

#include "writers/utf8.h"

#include <algorithm>

namespace unpaired {
namespace {

void clean(Finding &f);
void clean(Incident &incident);
void clean(UnusedSuppression &line);
void clean(ImageReport &image);

void clean(std::string &text) { text = one_printable_line(text); }

void clean(Name &name)
{
    if (const std::string text = one_printable_line(name.text()); text != name.text())
        name = text;
}

void clean(Frame &frame)
{
    clean(frame.function);
    clean(frame.file);
    clean(frame.module);
}

/// Copies only the frames that are not clean, since stacks share their frames.
void clean(Stack &stack)
{
    const auto is_clean = [](const Name &name) {
        const std::string_view text = name.text();
        return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; }) ||
               one_printable_line(text) == text;
    };
    for (size_t i = 0; i < stack.size(); i++) {
        if (is_clean(stack[i].function) && is_clean(stack[i].file) && is_clean(stack[i].module))
            continue;
        Frame frame = stack[i];
        clean(frame);
        stack.replace(i, frame);
    }
}

void clean(Incident &incident);
void clean(ImageModule &module);

template <class Element> void clean(std::vector<Element> &all)
{
    for (Element &one : all)
        clean(one);
}

void clean(UnusedSuppression &line)
{
    clean(line.origin);
    clean(line.text);
}

void clean(Finding &f)
{
    for (std::string *text : {&f.id, &f.rule, &f.family, &f.function, &f.owner, &f.reachability, &f.held_by,
                              &f.suppressed_by, &f.through})
        clean(*text);
    clean(f.blame);
    clean(f.stack);
    clean(f.callers);
    clean(f.remarks);
    if (f.failed_release) {
        clean(f.failed_release->function);
        clean(f.failed_release->preceded_by);
        clean(f.failed_release->at);
        clean(f.failed_release->stack);
    }
    if (f.last_holder) {
        clean(f.last_holder->function);
        clean(f.last_holder->at);
        clean(f.last_holder->stack);
    }
    if (f.ended_by) {
        clean(f.ended_by->function);
        clean(f.ended_by->stack);
    }
    if (f.forecast) {
        clean(f.forecast->limit_name);
        clean(f.forecast->failed);
    }
    if (f.sibling) {
        clean(f.sibling->function);
        clean(f.sibling->blame);
        clean(f.sibling->released_by);
    }
}

void clean(TraceInfo &trace)
{
    for (std::string *text :
         {&trace.source, &trace.program, &trace.end, &trace.cycle_source, &trace.cycle_name})
        clean(*text);
    clean(trace.command);
}

void clean(ImageModule &module)
{
    clean(module.path);
    clean(module.build_id);
}

void clean(Incident &incident)
{
    clean(incident.per_cycle);
    clean(incident.sentence);
    clean(incident.findings);
}

/// Names as keys: two that become alike are added up by nobody, the first stays.
template <class Value> void clean_keys(std::map<std::string, Value> &values)
{
    std::map<std::string, Value> renamed;
    for (auto &[name, value] : values) {
        std::string key = name;
        clean(key);
        renamed.emplace(std::move(key), std::move(value));
    }
    values = std::move(renamed);
}

void clean(ImageReport &image)
{
    clean(image.trace);
    clean(image.remarks);
    clean(image.incidents);
    clean(image.modules);
    clean(image.series_unit);
    clean_keys(image.totals);
    clean_keys(image.owners);
    for (Finding &finding : image.findings) {
        clean_keys(finding.parts);
        clean(finding);
    }
}

} // namespace

Finding cleaned(Finding finding)
{
    clean_keys(finding.parts);
    clean(finding);
    return finding;
}

TraceInfo cleaned(TraceInfo trace)
{
    clean(trace);
    return trace;
}

std::string cleaned(std::string text)
{
    clean(text);
    return text;
}

Stack cleaned(Stack stack)
{
    clean(stack);
    return stack;
}

ImageReport cleaned(ImageReport image)
{
    clean(image);
    return image;
}

Report cleaned(Report report)
{
    clean(report.images);
    clean(report.remarks);
    clean(report.unused_suppressions);
    return report;
}

} // namespace unpaired
