// A report saved as JSON and read again is the report it was.
#include "input/read_report.h"

#include "input/input_error.h"
#include "passes/compare.h"
#include "writers/json.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace unpaired;

namespace {

std::string json_of(const Report &report)
{
    std::ostringstream out;
    write_json(out, report);
    return std::move(out).str();
}

Report again(const Report &report) { return parse_report(json_of(report), "saved.json"); }

/// A report in which each member of the data has a value of its own.
Report full_report()
{
    Finding f;
    f.id = "0123456789abcdef";
    f.rule = "release-failed";
    f.severity = Severity::suspect;
    f.family = "socket";
    f.function = "accept4";
    f.owner = "MBUS";
    f.count = 37;
    f.bytes = UINT64_MAX;
    f.acquired = 38;
    f.released = 1;
    f.peak_bytes = 4096;
    f.parts["heap"] = {3, 472};
    f.growth = Growth::sawtooth;
    f.per_cycle = 0.97;
    f.incident = 2;
    f.series = {{0, 1}, {1.5, 20}};
    f.reachability = "possibly";
    f.reached = {{1, 10}, {2, 20}, {3, 30}, {4, 40}};
    f.held_by = "held by g_sessions + 16";
    f.last_holder = LastHolder{3, 40, "free", {}, {{"drop", "/src/net.c", 19, "/bin/server", 0x6000, false}}};
    f.last_holder->at = f.last_holder->stack[0];
    f.preview = {{0x20004a10, {0x68, 0x00, 0xff}}};
    f.stack = {{"modbus_tcp_accept", "", 0, "/usr/lib/libmodbus.so.5", 0x7fdb88fc7e7e, false},
               {"serve_one", "/src/server.c", 11, "/bin/server", 0x3000, true}};
    f.blame = f.stack[1];
    f.sibling = Sibling{"socket", {"pipe_new", "/src/pipe.c", 50, "/bin/server", 0, false}, 9, 8, "close"};
    f.failed_release = FailedRelease{"lwip_close",
                                     -1,
                                     22,
                                     37,
                                     "lwip_shutdown",
                                     0,
                                     {{"hang_up", "/src/net.c", 7, "/bin/server", 0x4000, false}}};
    f.failed_release->at = f.failed_release->stack[0];
    f.ended_by = EndedBy{"free", {{"drop", "/src/net.c", 9, "/bin/server", 0x5000, false}}};
    f.forecast = Forecast{1024, "FD_SETSIZE", 1018, true, 509, 3600.5, "accept4", 24, 1019};
    f.remarks = {"one", "two"};
    f.suppressed_by = "leak:x (list:1)";
    f.baseline = Baseline{12, 34, 0.5, true};

    ImageReport image;
    image.trace = {"preload", "/bin/server", {"server", "-v"}, 4711, 1, "signal:6", 3, 1.25, 1000, 7, true,
                   38,        "marks",       "reconnect"};
    image.totals["socket"] = {38, 1, 2, 37, 5, 6, 7};
    image.owners["MBUS"] = {37, 5};
    image.incidents = {{1, "1 socket", "each of 38 reconnects leaves 1 socket", {f.id}, 38}};
    image.series_unit = "cycle";
    image.findings = {f};
    image.remarks = {"damaged at 0x1000"};

    Report report;
    report.images = {image};
    report.remarks = {"list:3: is broken"};
    report.unused_suppressions = {{"list:2", "leak:nobody"}};
    return report;
}

std::string message_of(const std::string &text)
{
    try {
        parse_report(text, "saved.json");
    } catch (const InputError &error) {
        return error.what();
    }
    return "";
}

} // namespace

TEST_CASE("saved report: written, read and written again it is the same text")
{
    const Report report = full_report();
    const std::string text = json_of(report);
    CHECK(json_of(again(report)) == text);
    // given one in which everything is missing that may be
    const std::string bare = R"({"schema": "unpaired-report/1", "images": [{"findings": [{"id": "1"}]}]})";
    CHECK(parse_report(bare, "x").images.at(0).findings.at(0).severity == Severity::note);
}

TEST_CASE("saved report: the frame to blame is one of the stack again, with its address")
{
    const Finding finding = again(full_report()).images.at(0).findings.at(0);
    CHECK(finding.blame == finding.stack.at(1)); // else the text report would not point at it
    CHECK(finding.blame.address == 0x3000);
    CHECK(finding.failed_release->at == finding.failed_release->stack.at(0));
}

TEST_CASE("saved report: the golden reports read and are written as they are")
{
    int seen = 0;
    for (const auto &entry : std::filesystem::directory_iterator(UNPAIRED_GOLDEN_DIR)) {
        if (entry.path().extension() != ".json")
            continue;
        CAPTURE(entry.path());
        const Report report = read_report(entry.path());
        CHECK_FALSE(report.images.empty());
        CHECK(json_of(again(report)) == json_of(report));
        seen++;
    }
    CHECK(seen >= 2);
}

TEST_CASE("saved report: members of a later version are passed over")
{
    const Report report = parse_report(
        R"({"schema": "unpaired-report/1", "new": 1, "images": [{"new": {}, "trace": {"new": [], "pid": 5},
            "findings": [{"id": "a", "growth": "explosive", "count": 2, "colour": "red"}]}]})",
        "x");
    CHECK(report.images.at(0).trace.pid == 5);
    CHECK(report.images[0].findings.at(0).count == 2);
    CHECK_FALSE(report.images[0].findings[0].growth);
}

TEST_CASE("saved report: what is none is told in one line that says what it is")
{
    struct Row {
        std::string text, words;
    };
    const std::string whole = json_of(full_report());
    auto row = GENERATE_COPY(values<Row>({
        {whole.substr(0, whole.size() / 2), "breaks off after"},
        {"{", "breaks off after 1 bytes"},
        {"{]", "is no valid JSON at byte 2"},
        {"[]", "has no \"schema\": \"unpaired-report/1\""},
        {R"({"version": 3})", "is JSON, but no report of unpaired"},
        {R"({"schema": "unpaired-report/2", "images": []})", "unpaired-report/2"},
        {R"({"schema": "unpaired-diff/1"})", "is no report but 'unpaired-diff/1'"},
        {R"({"schema": "unpaired-report/1"})", "it has no \"images\""},
        {R"({"schema": "unpaired-report/1", "images": {}})", "images is not an array"},
        {R"({"schema": "unpaired-report/1", "images": [5]})", "images[0] is not an object"},
        {R"({"schema": "unpaired-report/1", "images": [{"findings": [{}, {"count": -1}]}]})",
         "images[0].findings[1].count is not a whole number"},
        {R"({"schema": "unpaired-report/1", "images": [{"findings": [{"count": "7"}]}]})",
         "findings[0].count"},
        {R"({"schema": "unpaired-report/1", "images": [{"trace": {"pid": 99999999999}}]})", "trace.pid"},
        {R"({"schema": "unpaired-report/1", "images": [{"findings": [{"severity": "bad"}]}]})",
         "severity is not leak, suspect or note"},
        {R"({"schema": "unpaired-report/1", "images": [{"findings": [{"stack": [{"address": "12"}]}]}]})",
         "stack[0].address is not an address"},
        {R"({"schema": "unpaired-report/1", "images": [{"findings": [{"preview": [{"bytes": "abc"}]}]}]})",
         "hexadecimal"},
        {R"({"schema": "unpaired-report/1", "images": [{"findings": [{"series": [[1]]}]}]})",
         "pair of numbers"},
        {R"({"schema": "unpaired-report/1", "images": 1e999})", "is no valid JSON"},
    }));
    CAPTURE(row.text.substr(0, 100));
    const std::string message = message_of(row.text);
    CHECK_THAT(message, Catch::StartsWith("saved.json: ") && Catch::Contains(row.words));
    CHECK(message.find('\n') == std::string::npos);
}

TEST_CASE("saved report: cut off anywhere it is refused, never half read")
{
    const std::string whole = json_of(full_report());
    for (size_t length = 0; length + 2 < whole.size(); length += 7)
        CHECK_FALSE(message_of(whole.substr(0, length)).empty());
    CHECK(message_of(whole).empty());
}

TEST_CASE("saved report: JSON is told from traces by its beginning")
{
    const auto looks = [](std::string text) {
        return looks_like_json({reinterpret_cast<const uint8_t *>(text.data()), text.size()});
    };
    CHECK(looks("{\"schema\": 1}"));
    CHECK(looks("\xef\xbb\xbf \r\n{"));
    CHECK_FALSE(looks(""));
    CHECK_FALSE(looks("UNPAIRED"));
    CHECK_FALSE(looks("<xml/>"));
}
