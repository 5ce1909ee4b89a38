// The format has no standard: this is what Jenkins, GitLab and GitHub's actions have in common (testsuites, testsuite,
// testcase with failure or skipped, system-out).
#include "writers/junit.h"

#include "rules.h"
#include "writers/selection.h"
#include "writers/text.h"
#include "writers/text_facts.h"
#include "writers/text_words.h"
#include "writers/utf8.h"

#include <fmt/format.h>
#include <pugixml.hpp>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

namespace unpaired {
namespace {

void set(pugi::xml_node node, const char *name, const std::string &value)
{
    node.append_attribute(name).set_value(printable_utf8(value).c_str());
}

std::string place(const Frame &frame)
{
    if (!frame.file.empty())
        return fmt::format("{}:{}", frame.file, frame.line);
    return frame.module.empty() ? fmt::format("{:#x}", frame.address) : frame.module.text();
}

void append_stack(std::string &text, const std::string &intro, const Stack &stack)
{
    if (stack.empty())
        return;
    text += intro + "\n";
    for (const Frame &frame : stack)
        text += fmt::format("    {}  {}\n", frame_name(frame), place(frame));
}

std::string evidence(const Finding &finding, const TraceInfo &trace)
{
    std::string text;
    for (const std::string &fact : finding_facts(finding, trace))
        text += fact + "\n";
    append_stack(text, function_text(finding.function) + " called from", finding.stack);
    if (finding.failed_release)
        append_stack(text, function_text(finding.failed_release->function) + " called from",
                     finding.failed_release->stack);
    if (finding.ended_by)
        append_stack(text, ended_by_intro(finding) + " " + function_text(finding.ended_by->function),
                     finding.ended_by->stack);
    return text;
}

/// Writes the line that opens an element whose children follow.
void write_opening(std::ostream &out, pugi::xml_node element, unsigned depth)
{
    std::ostringstream alone;
    element.print(alone, "  ", pugi::format_default, pugi::encoding_utf8, depth);
    const std::string line = alone.str();
    out << line.substr(0, line.rfind(" />")) << ">\n";
}

/// The number of tests in a suite, for its first line.
struct Counts {
    unsigned tests = 0, failures = 0, skipped = 0;
};

class Suite {
public:
    Suite(std::string name, const ImageReport &image, Severity fail_on)
        : name_(std::move(name)), image_(image), fail_on_(fail_on)
    {
        for (const Finding &finding : image.findings)
            if (finding.accepted()) {
                counts_.skipped++;
            } else if (finding.severity >= fail_on) {
                counts_.failures++;
                failed_.insert(finding.rule);
            }
        counts_.tests = counts_.failures + counts_.skipped;
        for (const Rule &rule : rules())
            counts_.tests += !failed_.contains(rule.name);
    }

    const Counts &counts() const { return counts_; }

    /// Writes the suite test by test: with a hundred thousand findings the document does not fit into memory.
    void write(std::ostream &out) const
    {
        pugi::xml_document document;
        pugi::xml_node head = document.append_child("testsuite");
        set(head, "name", name_);
        head.append_attribute("tests").set_value(counts_.tests);
        head.append_attribute("failures").set_value(counts_.failures);
        head.append_attribute("errors").set_value(0);
        head.append_attribute("skipped").set_value(counts_.skipped);
        set(head, "time", fmt::format("{:.3f}", image_.trace.duration_s));
        write_opening(out, head, 1);
        for (const Finding &finding : image_.findings)
            if (finding.accepted()) {
                pugi::xml_document one;
                set(test_case(one, name_of(finding), finding).append_child("skipped"), "message",
                    finding.suppressed_by.empty() ? "as in the baseline"
                                                  : "suppressed by " + finding.suppressed_by);
                write_inside(out, one);
            } else if (finding.severity >= fail_on_) {
                pugi::xml_document one;
                pugi::xml_node failure = test_case(one, name_of(finding), finding).append_child("failure");
                set(failure, "type", finding.rule);
                set(failure, "message", finding_sentence(finding, image_.trace));
                failure.append_child(pugi::node_pcdata)
                    .set_value(printable_utf8(evidence(finding, image_.trace)).c_str());
                write_inside(out, one);
            }
        for (const Rule &rule : rules())
            if (!failed_.contains(rule.name)) {
                pugi::xml_document one;
                test_case(one, std::string(rule.name));
                write_inside(out, one);
            }
        if (!image_.remarks.empty()) {
            pugi::xml_document one;
            one.append_child("system-out")
                .append_child(pugi::node_pcdata)
                .set_value(printable_utf8(joined(image_.remarks, "\n")).c_str());
            write_inside(out, one);
        }
        out << "  </testsuite>\n";
    }

private:
    /// Without counts, so that it is the same test in the next run; the id tells it from its like.
    static std::string name_of(const Finding &finding)
    {
        const std::string where =
            finding.blame.function.empty() ? std::string() : " in " + finding.blame.function.text();
        return fmt::format("{}: {}{} [{}]", finding.rule, function_text(finding.function), where, finding.id);
    }

    static void write_inside(std::ostream &out, const pugi::xml_document &one)
    {
        one.first_child().print(out, "  ", pugi::format_default, pugi::encoding_utf8, 2);
    }

    pugi::xml_node test_case(pugi::xml_document &document, const std::string &name) const
    {
        pugi::xml_node test = document.append_child("testcase");
        set(test, "classname", "unpaired." + name_);
        set(test, "name", name);
        set(test, "time", "0");
        return test;
    }

    pugi::xml_node test_case(pugi::xml_document &document, const std::string &name,
                             const Finding &finding) const
    {
        pugi::xml_node test = test_case(document, name);
        if (!finding.blame.file.empty()) {
            set(test, "file", finding.blame.file);
            test.append_attribute("line").set_value(finding.blame.line);
        }
        return test;
    }

    std::string name_;
    const ImageReport &image_;
    Severity fail_on_;
    Counts counts_;
    std::set<std::string_view> failed_; // rules
};

} // namespace

void write_junit(std::ostream &out, const Report &report, const WriteOptions &options)
{
    const ImageNames names(report);
    std::vector<Suite> suites;
    Counts sum;
    for (const ImageReport &image : report.images) {
        const Counts &counts = suites.emplace_back(names.of(image), image, options.fail_on).counts();
        sum.tests += counts.tests;
        sum.failures += counts.failures;
        sum.skipped += counts.skipped;
    }
    pugi::xml_document document;
    pugi::xml_node head = document.append_child("testsuites");
    set(head, "name", "unpaired");
    head.append_attribute("tests").set_value(sum.tests);
    head.append_attribute("failures").set_value(sum.failures);
    head.append_attribute("skipped").set_value(sum.skipped);
    out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    if (suites.empty()) {
        head.print(out, "  ", pugi::format_default, pugi::encoding_utf8);
        return;
    }
    write_opening(out, head, 0);
    for (const Suite &suite : suites)
        suite.write(out);
    out << "</testsuites>\n";
}

} // namespace unpaired
