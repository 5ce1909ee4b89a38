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

class Suite {
public:
    Suite(pugi::xml_node parent, const Report &report, const ImageReport &image, Severity fail_on)
        : node_(parent.append_child("testsuite")), name_(image_name(report, image)), image_(image),
          fail_on_(fail_on)
    {
        set(node_, "name", name_);
        for (const char *count : {"tests", "failures", "errors", "skipped"})
            node_.append_attribute(count).set_value(0);
        set(node_, "time", fmt::format("{:.3f}", image.trace.duration_s));
    }

    void fill()
    {
        std::set<std::string_view> failed;
        for (const Finding &finding : image_.findings)
            if (finding.accepted()) {
                pugi::xml_node skipped = test_case(name_of(finding), finding).append_child("skipped");
                set(skipped, "message",
                    finding.suppressed_by.empty() ? "as in the baseline"
                                                  : "suppressed by " + finding.suppressed_by);
                skipped_++;
            } else if (finding.severity >= fail_on_) {
                pugi::xml_node failure = test_case(name_of(finding), finding).append_child("failure");
                set(failure, "type", finding.rule);
                set(failure, "message", finding_sentence(finding, image_.trace));
                failure.append_child(pugi::node_pcdata)
                    .set_value(printable_utf8(evidence(finding, image_.trace)).c_str());
                failed.insert(finding.rule);
                failures_++;
            }
        for (const Rule &rule : rules())
            if (!failed.contains(rule.name))
                test_case(std::string(rule.name));
        if (!image_.remarks.empty()) {
            pugi::xml_node out = node_.append_child("system-out");
            out.append_child(pugi::node_pcdata)
                .set_value(printable_utf8(joined(image_.remarks, "\n")).c_str());
        }
        node_.attribute("tests").set_value(tests_);
        node_.attribute("failures").set_value(failures_);
        node_.attribute("skipped").set_value(skipped_);
    }

    unsigned tests() const { return tests_; }
    unsigned skipped() const { return skipped_; }
    unsigned failures() const { return failures_; }

private:
    /// Without counts, so that it is the same test in the next run; the id tells it from its like.
    static std::string name_of(const Finding &finding)
    {
        const std::string where =
            finding.blame.function.empty() ? std::string() : " in " + finding.blame.function.text();
        return fmt::format("{}: {}{} [{}]", finding.rule, function_text(finding.function), where, finding.id);
    }

    pugi::xml_node test_case(const std::string &name)
    {
        tests_++;
        pugi::xml_node test = node_.append_child("testcase");
        set(test, "classname", "unpaired." + name_);
        set(test, "name", name);
        set(test, "time", "0");
        return test;
    }

    pugi::xml_node test_case(const std::string &name, const Finding &finding)
    {
        pugi::xml_node test = test_case(name);
        if (!finding.blame.file.empty()) {
            set(test, "file", finding.blame.file);
            test.append_attribute("line").set_value(finding.blame.line);
        }
        return test;
    }

    pugi::xml_node node_;
    std::string name_;
    const ImageReport &image_;
    Severity fail_on_;
    unsigned tests_ = 0, failures_ = 0, skipped_ = 0;
};

} // namespace

void write_junit(std::ostream &out, const Report &report, const WriteOptions &options)
{
    pugi::xml_document document;
    document.append_child(pugi::node_declaration).append_attribute("version").set_value("1.0");
    document.first_child().append_attribute("encoding").set_value("UTF-8");
    pugi::xml_node suites = document.append_child("testsuites");
    set(suites, "name", "unpaired");
    unsigned tests = 0, failures = 0, skipped = 0;
    for (const ImageReport &image : report.images) {
        Suite suite(suites, report, image, options.fail_on);
        suite.fill();
        tests += suite.tests();
        failures += suite.failures();
        skipped += suite.skipped();
    }
    suites.append_attribute("tests").set_value(tests);
    suites.append_attribute("failures").set_value(failures);
    suites.append_attribute("skipped").set_value(skipped);
    document.save(out, "  ", pugi::format_default, pugi::encoding_utf8);
}

} // namespace unpaired
