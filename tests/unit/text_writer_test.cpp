#include "text_samples.h"

#include <catch2/catch.hpp>

using namespace unpaired;
using namespace unpaired::text_samples;

TEST_CASE("text: what was found comes first, its evidence after it")
{
    Finding second = socket_leak();
    second.severity = Severity::suspect;
    second.family = "heap";
    const std::string text = text_of({image_with({socket_leak(), second})});

    CHECK(text.starts_with("server: 1 leak and 1 suspect (process 4711"));
    const size_t sentence = text.find("3 of 10 sockets"), evidence = text.find("accept4 called from");
    REQUIRE(sentence != std::string::npos);
    REQUIRE(evidence != std::string::npos);
    CHECK(sentence < text.find("3 of 10 heap blocks"));
    CHECK(text.find("3 of 10 heap blocks") < evidence);
    CHECK(contains(text, "-> serve_one"));
    CHECK(contains(text, "/src/server.c:11"));
    CHECK(!contains(text, "__libc_start"));
    CHECK(contains(text_of({image_with({socket_leak(), second})}, true), "__libc_start_call_main"));
}

TEST_CASE("text: incidents and limits come before the findings, with the numbers of those they are about")
{
    Finding heap = socket_leak(), other = socket_leak(), note = socket_leak();
    heap.family = "heap";
    heap.incident = 1;
    note.severity = Severity::note;
    ImageReport image = image_with({socket_leak(), other, heap, note});
    image.findings[0].incident = 1;
    image.incidents.push_back(
        {1, "1 socket, 1 heap block", "each of 3 cycles leaves 1 socket and 1 heap block", {}, 3});
    Forecast &late = image.findings[1].forecast.emplace(), &soon = image.findings[0].forecast.emplace();
    late = soon = {1024, "RLIMIT_NOFILE", 1021, false, 1021, 7300};
    soon.at_cycle = 1010;
    image.findings[3].forecast = Forecast{64, "--limit socket=64", 60, true};

    const std::string text = text_of({image});

    const size_t incident =
                     text.find("  Each of 3 cycles leaves 1 socket and 1 heap block (numbers 1 and 3).\n"),
                 limit = text.find(
                     "  RLIMIT_NOFILE (1,024) will be reached in cycle 1,010, after about 2 h (numbers 1 "
                     "and 2).\n");
    REQUIRE(incident != std::string::npos);
    REQUIRE(limit != std::string::npos);
    CHECK(incident < limit);
    CHECK(limit < text.find("  1  leak"));
    CHECK(!contains(text, "--limit socket")); // of a note that is not shown
}

TEST_CASE("text: a finding alone tells its limit and its twin right below its sentence, once")
{
    Finding f = socket_leak();
    f.forecast = Forecast{65536, "--limit heap=64K", 1018, true, 0, 90};
    f.sibling =
        Sibling{"socket", {"serve_one", "/src/server.c", 9, "/bin/server", 0x1, false}, 10, 10, "close"};
    const std::string text = text_of({image_with({f})}), tail = text.substr(text.find("(owner MBUS)"));
    CHECK_THAT(tail,
               Catch::StartsWith("(owner MBUS)\n"
                                 "  --limit heap=64K was reached at acquisition 1,018, after 1 min 30 s.\n"
                                 "  The twin socket at server.c:9 is closed by close: 10 of 10.\n"
                                 "\n"
                                 "     leak never-released"));
    CHECK(text.find("was reached") == text.rfind("was reached"));
    CHECK(text.find("twin") == text.rfind("twin"));
    // beside another one they are among its facts
    CHECK(
        contains(text_of({image_with({f, socket_leak()})}), "     the twin socket at server.c:9 is closed"));

    f.sibling->blame.function = "serve_two";
    f.sibling->released_by.clear();
    CHECK(contains(text_of({image_with({f})}),
                   "The twin socket in serve_two at server.c:9 is closed: 10 of 10."));
}

TEST_CASE("text: a limit that was met is told with the call that failed, by its number where that is known")
{
    Finding f = socket_leak();
    const auto told = [&](const Forecast &forecast) {
        f.forecast = forecast;
        const std::string text = text_of({image_with({f})});
        const size_t begin = text.find("(owner MBUS)\n  ") + 15;
        return text.substr(begin, text.find('\n', begin) - begin);
    };
    CHECK(told({1024, "RLIMIT_NOFILE", 1020, true, 0, 0.2, "accept4", EMFILE, 1021}) ==
          "RLIMIT_NOFILE (1,024) was reached after 0.2 s: the 1,021st accept4 failed (EMFILE).");
    CHECK(told({1024, "RLIMIT_NOFILE", 1020, true, 12, 0, "fopen", EMFILE}) ==
          "RLIMIT_NOFILE (1,024) was reached in cycle 12: fopen failed (EMFILE).");
    CHECK(told({0, "", 37, true, 38, 0, "lwip_socket", ENFILE, 38}) ==
          "The 38th lwip_socket failed (ENFILE) in cycle 38: no more could be had.");
    CHECK(told({1024, "FD_SETSIZE", 1021, true}) ==
          "FD_SETSIZE (1,024) was reached at acquisition 1,021: select cannot take its descriptor.");
}

TEST_CASE("text: an incident of which one finding is shown has no numbers")
{
    ImageReport image = image_with({socket_leak()});
    image.findings[0].incident = 1;
    image.incidents.push_back({1, "1 socket", "each of 3 cycles leaves 1 socket", {}, 3});
    CHECK(contains(text_of({image}), "\n  Each of 3 cycles leaves 1 socket.\n"));
}

TEST_CASE("text: the facts call a cycle what the sentence calls it")
{
    Finding f = socket_leak();
    f.growth = Growth::linear;
    f.per_cycle = 1;
    ImageReport image = image_with({f});
    image.trace.cycle_source = "marks";
    image.trace.cycle_name = "reconnect";
    CHECK(contains(text_of({image}), "     grows all the time, 1 per reconnect\n"));
}

TEST_CASE("text: notes and suppressed findings are counted in one line unless all is asked for")
{
    Finding note = socket_leak(), suppressed = socket_leak();
    note.severity = suppressed.severity = Severity::note;
    note.blame.function = "start_up";
    suppressed.suppressed_by = "leak:serve_one (known.supp:1)";
    const std::string text = text_of({image_with({note, suppressed})});
    CHECK(text.starts_with("server: no leaks"));
    CHECK(contains(text, "1 note (3 still held) and 1 finding suppressed, not shown: --all shows them."));
    CHECK(!contains(text, "start_up"));

    const std::string everything = text_of({image_with({note, suppressed})}, true);
    CHECK(contains(everything, "start_up"));
    CHECK(contains(everything, "suppressed by leak:serve_one (known.supp:1)"));
}

TEST_CASE("text: processes without findings share a line, the worst stand first")
{
    ImageReport shell = image_with({});
    shell.trace.program = "/bin/sh";
    shell.trace.pid = 12;
    const std::string text = text_of({image_with({socket_leak()}), shell});
    CHECK(contains(text, "No leaks in sh (12)."));
    CHECK(text.find("3 of 10") < text.find("No leaks in"));
}

TEST_CASE(
    "text: what still runs or was cut off is shown even without findings, and claims nothing it cannot know")
{
    ImageReport running = image_with({}), cut = image_with({});
    running.trace.end = "running";
    cut.trace.end = "truncated";
    cut.trace.program = "/bin/cut";
    const std::string text = text_of({running, cut});
    CHECK(contains(text, "still running"));
    CHECK(contains(text, "cut: no leaks seen"));
}

TEST_CASE("text: an empty report says so, and its remarks say why")
{
    Report report;
    report.remarks.assign(1, "'server' left no trace");
    const std::string text = write_text(report, {});
    CHECK(contains(text, "Nothing was recorded."));
    CHECK(contains(text, "'server' left no trace"));
}

TEST_CASE("text: a program that was started through a link is called as it was started")
{
    ImageReport image = image_with({socket_leak()});
    image.trace.program = "/usr/bin/redis-check-rdb";
    image.trace.command = {"/usr/bin/redis-server", "--port", "0"};
    const std::string text = text_of({image});
    CHECK(text.starts_with("redis-server: "));
    CHECK(contains(text, "program file redis-check-rdb"));

    image.trace.program = "/usr/bin/python3.11";
    image.trace.command = {"-python3"}; // as a login shell is called
    CHECK(text_of({image}).starts_with("python3: "));
    CHECK(!contains(text_of({image}), "program file"));
    image.trace.command = {};
    CHECK(text_of({image}).starts_with("python3.11: "));
}

TEST_CASE("text: processes of one program with the same findings are told once")
{
    ImageReport first = image_with({socket_leak()}), second = first, other = first;
    second.trace.pid = 4712;
    other.trace.program = "/bin/other";
    const std::string text = text_of({first, second, other});
    CHECK(contains(text, "The same findings in one more process of server: 4712."));
    CHECK(contains(text, "other: 1 leak"));
    CHECK(!contains(text, "(process 4712"));
    CHECK(contains(text_of({first, second, other}, true), "(process 4712"));
}

TEST_CASE("text: what a process without findings could not tell is told all the same")
{
    ImageReport quiet = image_with({}), twin = quiet;
    quiet.trace.program = twin.trace.program = "/usr/bin/env";
    quiet.remarks = twin.remarks = {"it started ./server without the recorder: not recorded"};
    const std::string text = text_of({image_with({socket_leak()}), quiet, twin});
    CHECK(contains(text, "No leaks in env (2 processes)."));
    const size_t first = text.find("it started ./server");
    REQUIRE(first != std::string::npos);
    CHECK(text.find("it started ./server", first + 1) == std::string::npos);
}

TEST_CASE("text: what is as in the baseline is folded into one line, and what has grown says by how much")
{
    Finding known = socket_leak(), grown = socket_leak();
    known.baseline = Baseline{3, 0, 0, false};
    grown.id = "fedcba9876543210";
    grown.baseline = Baseline{2, 0, 0, true};
    grown.remarks = {"grown: 2 in the baseline, 3 now"};

    const std::string text = text_of({image_with({grown, known})});
    CHECK_THAT(text, Catch::StartsWith("server: 1 leak ("));
    CHECK_THAT(text, Catch::Contains("grown: 2 in the baseline, 3 now"));
    CHECK_THAT(text, Catch::Contains("1 finding as in the baseline, not shown: --all shows them."));
    CHECK_FALSE(contains(text, known.id));
    CHECK_THAT(text_of({image_with({grown, known})}, true),
               Catch::Contains("as in the baseline, which has 3"));

    // and: with nothing else the headline does not say that there are no leaks
    CHECK_THAT(text_of({image_with({known})}), Catch::StartsWith("server: nothing new ("));
    CHECK_THAT(text_of({image_with({known}), image_with({})}), !Catch::Contains("no leaks in server"));
}

TEST_CASE("text: suppressions that matched nothing are a block of their own, at the end")
{
    Report report;
    report.images = {image_with({})};
    report.remarks = {"something else"};
    report.unused_suppressions = {{"known.supp:2", "leak:first"}, {"known.supp:17", "socket:^second$ max=3"}};
    CHECK_THAT(write_text(report, {}), Catch::EndsWith("\nremark: something else\n"
                                                       "\n"
                                                       "2 suppressions matched nothing:\n"
                                                       "  known.supp:2   leak:first\n"
                                                       "  known.supp:17  socket:^second$ max=3\n"));
}
