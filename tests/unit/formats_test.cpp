#include "rules.h"
#include "sample_reports.h"
#include "writers/formats.h"
#include "writers/utf8.h"

#include <catch2/catch.hpp>

#include <set>
#include <sstream>

using namespace unpaired;

namespace {

std::string written(const char *format, const Report &report, const WriteOptions &options = {})
{
    std::ostringstream out;
    find_format(format)->write(out, report, options);
    return std::move(out).str();
}

} // namespace

TEST_CASE("a format is found by its name, and only pprof is binary")
{
    std::set<std::string_view> names;
    for (const Format &format : formats()) {
        names.insert(format.name);
        CHECK(find_format(format.name) == &format);
        CHECK(format.binary == (format.name == "pprof"));
        CHECK_FALSE(format.help.empty());
    }
    CHECK(names.size() == formats().size());
    CHECK(formats().front().name == "text");
    CHECK(find_format("xml") == nullptr);
}

TEST_CASE("every format writes an empty report, and the same bytes for the same report")
{
    for (const Format &format : formats()) {
        INFO(format.name);
        const std::string name(format.name);
        if (format.name != "folded") // no line is a folded stack file, too
            CHECK_FALSE(written(name.c_str(), Report{}).empty());
        CHECK(written(name.c_str(), samples::gateway()) == written(name.c_str(), samples::gateway()));
    }
}

TEST_CASE("every rule is known by its name and tells a person what to do")
{
    std::set<std::string_view> names;
    for (const Rule &rule : rules()) {
        names.insert(rule.name);
        CHECK(find_rule(rule.name) == &rule);
        CHECK(rule.advice.ends_with('.') != rule.advice.ends_with('?'));
    }
    CHECK(names.size() == rules().size());
    CHECK(find_rule("of-a-later-version") == nullptr);
}

TEST_CASE("text from other programs becomes valid UTF-8 that XML can hold")
{
    const std::string lost = "\xef\xbf\xbd";
    CHECK(printable_utf8("plain, \xc3\xa4 and \xf0\x9f\x98\x80") == "plain, \xc3\xa4 and \xf0\x9f\x98\x80");
    CHECK(printable_utf8("line\nand\ttab stay") == "line\nand\ttab stay");
    CHECK(printable_utf8(std::string_view("a\0b\x1b\x7f", 5)) == "a?b??");
    CHECK(printable_utf8("\xff") == lost);
    CHECK(printable_utf8("\x9b") == lost); // CSI as a byte
    CHECK(printable_utf8("\xc2\x9b\xe2\x80\xae\xe2\x81\xa6\xd8\x9c\xe2\x80\xa8") ==
          "?????");                                                             // and as a character
    CHECK(printable_utf8("\xe2\x80\x8b\xef\xbb\xbf\xf3\xa0\x80\xa1") == "???"); // invisible
    CHECK(one_printable_line("line\nand\ttab") == "line?and?tab");
    CHECK(printable_json("\"\xc3\xa4\x7f\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\xa1\"\n") ==
          "\"\xc3\xa4\\u007f\\u009b\\u202e\\udb40\\udc21\"\n");
    CHECK(printable_utf8("cut \xf0\x9f") == "cut " + lost + lost);
    CHECK(printable_utf8("\xc0\xaf") == lost + lost);                       // a slash, spelled too long
    CHECK(printable_utf8("\xed\xa0\x80") == lost + lost + lost);            // half of a surrogate pair
    CHECK(printable_utf8("\xf4\x90\x80\x80") == lost + lost + lost + lost); // above U+10FFFF
    CHECK(printable_utf8("\xef\xbf\xbe") == "?");                           // U+FFFE is no character of XML
}

TEST_CASE("folded stacks weigh bytes and objects apart, outermost frame first")
{
    const std::string folded = written("folded", samples::gateway());

    CHECK(folded ==
          "bytes;gateway;__libc_start_call_main;main;mqtt_subscribe;mqtt_msg_handler_create;platform_memory_"
          "alloc;"
          "malloc 1520\n"
          "bytes;worker;__libc_start_call_main;main;worker_start;calloc 4096\n"
          "objects;gateway;__libc_start_call_main;main;mqtt_try_reconnect;mqtt_connect_with_results;"
          "platform_net_socket_connect;lwip_socket 37\n"
          "objects;gateway;__libc_start_call_main;main;serve_one;modbus_tcp_accept;accept4 5\n");
}

TEST_CASE("folded stacks have notes and suppressed findings with --all, and never what was released")
{
    WriteOptions options;
    options.all = true;
    const std::string folded = written("folded", samples::gateway(), options);

    CHECK(folded.find("log_open;calloc 4096\n") != std::string::npos);
    CHECK(folded.find("start_up_cache;calloc 4096\n") != std::string::npos);
    CHECK(folded.find("config::Loader") == std::string::npos); // closed twice: nothing is unpaired
}

TEST_CASE("findings of one stack are one folded line")
{
    Report report = samples::gateway();
    Finding again = report.images[0].findings[1];
    again.rule = "storage-freed-live";
    again.bytes = 480;
    report.images[0].findings.push_back(again);

    const std::string folded = written("folded", report);

    CHECK(folded.find("platform_memory_alloc;malloc 2000\n") != std::string::npos);
}

TEST_CASE("no name breaks a folded line")
{
    std::istringstream lines(written("folded", samples::hostile()));
    size_t count = 0;
    for (std::string line; std::getline(lines, line); count++) {
        INFO(line);
        CHECK(std::count(line.begin(), line.end(), ';') == 6); // unit, program, four frames, acquirer
        const size_t blank = line.rfind(' ');
        REQUIRE(blank != std::string::npos);
        CHECK(line.find_first_not_of("0123456789", blank + 1) == std::string::npos);
    }
    CHECK(count > 0);
}
