#include "writers/text.h"
#include "writers/text_canvas.h"
#include "writers/text_words.h"

#include <catch2/catch.hpp>
#include <cerrno>
#include <sstream>

using namespace unpaired;

namespace {

Finding socket_leak()
{
    Finding f;
    f.id = "0123456789abcdef";
    f.rule = "never-released";
    f.severity = Severity::leak;
    f.family = "socket";
    f.function = "accept4";
    f.owner = "MBUS";
    f.count = 3;
    f.acquired = 10;
    f.released = 7;
    f.blame = {"serve_one", "/src/server.c", 11, "/bin/server", 0x1000, false};
    f.stack = {{"modbus_tcp_accept", "", 0, "/usr/lib/libmodbus.so.5", 0x2000, false},
               f.blame,
               {"main", "/src/server.c", 40, "/bin/server", 0x3000, false},
               {"__libc_start_call_main", "", 0, "/lib/libc.so.6", 0x4000, false}};
    return f;
}

ImageReport image_with(std::vector<Finding> findings)
{
    ImageReport image;
    image.trace.program = "/bin/server";
    image.trace.pid = 4711;
    image.trace.end = "exit";
    image.findings = std::move(findings);
    image.totals["socket"].acquired = 10;
    image.totals["socket"].released = 7;
    image.totals["socket"].unpaired = 3;
    return image;
}

std::string text_of(std::vector<ImageReport> images, bool all = false, unsigned width = 100)
{
    Report report;
    report.images = std::move(images);
    TextStyle style;
    style.all = all;
    style.width = width;
    return write_text(report, style);
}

bool contains(const std::string &text, const std::string &part)
{
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("text: the sentence says how many of how many, what, where and whose")
{
    CHECK(finding_sentence(socket_leak()) ==
          "3 of 10 sockets never closed: accept4 in serve_one, server.c:11 (owner MBUS)");
}

TEST_CASE("text: each rule has a sentence of its own")
{
    Finding f = socket_leak();

    SECTION("a failed release says how many of all, what it returned, what came before, and where")
    {
        f.rule = "release-failed";
        f.family = f.function = "lwip_socket";
        f.count = 37;
        f.acquired = 38;
        f.released = 0;
        FailedRelease &failed = f.failed_release.emplace();
        failed.function = "lwip_close";
        failed.result = -1;
        failed.count = 37;
        failed.preceded_by = "lwip_shutdown";
        failed.at = {"mbedtls_net_free", "/src/net_sockets.c", 571, "/bin/server", 0x5000, false};
        CHECK(finding_sentence(f) ==
              "37 of 37 closes failed (-1), each after lwip_shutdown returned 0, at mbedtls_net_free, "
              "net_sockets.c:571: each left its lwIP socket, lwip_socket in serve_one, server.c:11 (owner "
              "MBUS)");
        SECTION("the failing function has no debug information, and its caller has")
        {
            failed.at = {"mbedtls_net_free", "", 0, "/bin/server", 0x5000, false};
            failed.stack = {{"checked_close", "", 0, "/bin/server", 0x6000, false},
                            failed.at,
                            {"mbedtls_ssl_end", "", 0, "/bin/server", 0x7000, false},
                            {"tls_disconnect", "/src/server.c", 73, "/bin/server", 0x8000, false}};
            f.blame = {"mbedtls_net_connect", "", 0, "/bin/server", 0x9000, false};
            CHECK(finding_sentence(f) ==
                  "37 of 37 closes failed (-1), each after lwip_shutdown returned 0, at mbedtls_net_free, "
                  "called from "
                  "tls_disconnect, server.c:73: each left its lwIP socket, lwip_socket in "
                  "mbedtls_net_connect (owner MBUS)");
            failed.stack.pop_back();
            CHECK(contains(finding_sentence(f), "at mbedtls_net_free, server: each left"));
        }
        SECTION("one of them was tried twice, and what came before had failed too")
        {
            f.count = 36;
            failed.preceded_by_result = -1;
            CHECK(contains(finding_sentence(f), "(-1), each after lwip_shutdown returned -1, at"));
            CHECK(contains(finding_sentence(f), ": 36 of 38 lwIP sockets left, lwip_socket in"));
        }
        SECTION("others succeeded, with the error's name")
        {
            f.released = 3;
            failed.error = 22;
            CHECK(finding_sentence(f).starts_with("37 of 40 closes failed (-1, EINVAL), each after"));
        }
        SECTION("it was the only one, and nothing is known of before and where")
        {
            f.count = f.acquired = failed.count = 1;
            failed.preceded_by.clear();
            failed.at = {};
            CHECK(finding_sentence(f).starts_with(
                "the only close failed (-1): 1 lwIP socket left, lwip_socket in"));
        }
        SECTION("a pthread function returns the error itself")
        {
            f.family = "mutex";
            failed.function = "pthread_mutex_destroy";
            failed.result = 16;
            failed.preceded_by.clear();
            CHECK(finding_sentence(f).starts_with("37 of 37 destroys failed (16, EBUSY), at"));
        }
    }
    SECTION("a library function between the blamed frame and the acquirer is named")
    {
        f.through = "modbus_tcp_accept";
        CHECK(
            contains(finding_sentence(f), "closed: accept4 by modbus_tcp_accept in serve_one, server.c:11"));
    }
    SECTION("several lines of one function that came to the blamed frame are told, unless they are many")
    {
        const Frame caller = {"send_state", "/src/client.c", 281, "/bin/server", 0x1, false};
        f.callers = {caller, caller};
        f.callers[1].line = 282;
        CHECK(contains(finding_sentence(f), "serve_one, server.c:11, from client.c:281 and :282 (owner"));
        f.callers.insert(f.callers.end(), 4, caller);
        CHECK(contains(finding_sentence(f), ", from client.c:281, :282, :281 and 3 more lines (owner"));
    }
    SECTION("of blocks that are all as large the size of one is told")
    {
        f.family = "heap";
        f.bytes = 60;
        f.each = 20;
        CHECK(contains(finding_sentence(f), "3 of 10 heap blocks of 20 B (60 B) never freed"));
        f.count = 1;
        f.bytes = 20;
        CHECK(contains(finding_sentence(f), "1 of 10 heap blocks (20 B) never freed"));
    }
    SECTION("what grows alone tells how many in a cycle")
    {
        TraceInfo trace;
        trace.cycle_source = "marks";
        trace.cycle_name = "reconnect";
        f.per_cycle = 1;
        CHECK(contains(finding_sentence(f, trace),
                       "3 of 10 sockets never closed, 1 per reconnect: accept4 in"));
        CHECK(contains(finding_sentence(f), "never closed, 1 per cycle:"));
        f.per_cycle = 2.5;
        CHECK(contains(finding_sentence(f, trace), ", about 2.5 per reconnect:"));
        f.per_cycle = 0.1;
        CHECK(contains(finding_sentence(f, trace), ", one in about 10 reconnects:"));
        f.incident = 1; // which tells it
        CHECK(contains(finding_sentence(f, trace), "never closed: accept4"));
        f.incident = 0;
        trace.cycle_source = "found";
        trace.cycle_name = "accept4";
        f.per_cycle = 1; // of each call that acquires one, one: says nothing
        CHECK(contains(finding_sentence(f, trace), "never closed: accept4"));
        f.per_cycle = 0.1;
        CHECK(contains(finding_sentence(f, trace), ", one in about 10 calls of accept4:"));
    }
    SECTION("lost memory says what is lost with it")
    {
        f.family = "heap";
        f.function = "malloc";
        f.count = 7;
        f.bytes = 140;
        f.reached.lost = {3, 60};
        f.reached.indirectly_lost = {2, 40};
        f.reached.reachable = {2, 40};
        CHECK(contains(finding_sentence(f),
                       "3 of 7 heap blocks (60 B) lost, nothing points to them, and 2 (40 B) with "
                       "them: malloc in"));
        f.each = 20; // of all as of some
        CHECK(contains(finding_sentence(f), "3 of 7 heap blocks of 20 B (60 B) lost"));
    }
    SECTION("freed storage")
    {
        f.rule = "storage-freed-live";
        f.family = "rwlock";
        CHECK(contains(finding_sentence(f), "3 of 10 rwlocks lost when the memory around them was freed"));
    }
    SECTION("one of its kind is not counted against itself")
    {
        f.family = "stream";
        f.count = f.acquired = 1;
        CHECK(contains(finding_sentence(f), "1 stdio stream never closed"));
    }
    SECTION("the others are told apart")
    {
        std::vector<std::string> sentences;
        for (const char *rule :
             {"never-released", "release-failed", "storage-freed-live", "reinitialised-live",
              "double-release", "mismatched-release", "release-unknown", "foreign-release", "tag-overwritten",
              "held-at-exit", "limit-reached"}) {
            f.rule = rule;
            for (const std::string &other : sentences)
                CHECK(other != finding_sentence(f));
            sentences.push_back(finding_sentence(f));
            CHECK(!contains(sentences.back(), rule)); // words, not the rule's name
        }
    }
    SECTION("without symbols the module stands for the function")
    {
        f.blame = {"", "", 0, "/bin/server", 0x1000, false};
        CHECK(contains(finding_sentence(f), "accept4 in server (owner MBUS)"));
    }
}

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

TEST_CASE("words: ordinals, and times to come, which no rounding makes much shorter")
{
    CHECK(ordinal(1) == "1st");
    CHECK(ordinal(22) == "22nd");
    CHECK(ordinal(103) == "103rd");
    CHECK(ordinal(11) == "11th");
    CHECK(ordinal(1013) == "1,013th");
    CHECK(rough_duration_text(19 * 60 + 24) == "19 min");
    CHECK(rough_duration_text(2.4 * 3600) == "144 min");
    CHECK(rough_duration_text(7200) == "2 h");
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

TEST_CASE("text: lines keep to the width, but for paths that do not fit")
{
    ImageReport image = image_with({socket_leak(), socket_leak()});
    image.remarks.assign(
        1, "it started /usr/bin/helper without the recorder in its environment: not recorded at all");
    for (const unsigned width : {60u, 80u, 120u}) {
        std::istringstream lines(text_of({image}, false, width));
        for (std::string line; std::getline(lines, line);) {
            INFO(line);
            CHECK(line.size() <= width);
        }
    }
}

TEST_CASE("text: colours only where they are asked for")
{
    Report report;
    report.images.push_back(image_with({socket_leak()}));
    TextStyle style;
    CHECK(!contains(write_text(report, style), "\x1b"));
    style.colour = true;
    const std::string coloured = write_text(report, style);
    CHECK(contains(coloured, "\x1b[1;31m"));
    // every colour ends on its own line
    std::istringstream lines(coloured);
    for (std::string line; std::getline(lines, line);)
        if (const size_t on = line.rfind("\x1b["); on != std::string::npos)
            CHECK(line.substr(on, 4) == "\x1b[0m");
}

TEST_CASE("text: an empty report says so, and its remarks say why")
{
    Report report;
    report.remarks.assign(1, "'server' left no trace");
    const std::string text = write_text(report, {});
    CHECK(contains(text, "Nothing was recorded."));
    CHECK(contains(text, "'server' left no trace"));
}

TEST_CASE("text: names from a trace cannot steer the terminal")
{
    Finding f = socket_leak();
    f.blame.function = f.stack[1].function = "evil\x1b[2J\nname";
    ImageReport image = image_with({f});
    image.trace.program = "/bin/\x1b]0;title\x07";
    const std::string text = text_of({image});
    CHECK(!contains(text, "\x1b"));
    CHECK(!contains(text, "\x07"));
    CHECK(!contains(text, "evil\n"));
}

TEST_CASE("words: numbers and bytes as people read them")
{
    CHECK(grouped(0) == "0");
    CHECK(grouped(999) == "999");
    CHECK(grouped(1000) == "1,000");
    CHECK(grouped(1234567) == "1,234,567");
    CHECK(bytes_text(140) == "140 B");
    CHECK(bytes_text(9999) == "9,999 B");
    CHECK(bytes_text(10240) == "10.0 KiB");
    CHECK(bytes_text(uint64_t{3} << 30) == "3.0 GiB");
    CHECK(duration_text(0.31) == "0.3 s");
    CHECK(duration_text(250) == "4 min 10 s");
    CHECK(duration_text(7380) == "2 h 3 min");
    CHECK(duration_text(273600) == "3 d 4 h");
    CHECK(rough_duration_text(0.3) == "0.3 s");
    CHECK(rough_duration_text(45) == "45 s");
    CHECK(rough_duration_text(1250) == "21 min");
    CHECK(rough_duration_text(7380) == "2 h");
    CHECK(rough_duration_text(273600) == "3 days");
    CHECK(errno_name(22) == "EINVAL");
    CHECK(errno_name(4711) == "errno 4711");
    CHECK(signal_name(6) == "SIGABRT");
    CHECK(signal_name(4711) == "signal 4711");
}

TEST_CASE("words: families have plurals and verbs")
{
    CHECK(family_noun("socket", 1) == "socket");
    CHECK(family_noun("mutex", 2) == "mutexes");
    CHECK(family_noun("new_array", 2) == "arrays from new[]");
    CHECK(family_noun("unheard_of", 1) == "unheard_of");
    CHECK(family_release("socket", 1) == "close");
    CHECK(family_release("heap", 2) == "frees");
    CHECK(family_release("unheard_of", 2) == "releases");
    CHECK(family_released("socket") == "closed");
    CHECK(family_released("heap") == "freed");
    CHECK(family_released("new") == "deleted");
    CHECK(family_released("unheard_of") == "released");
    CHECK(function_text("_Znam") == "operator new[]");
    CHECK(function_text("malloc") == "malloc");
}

TEST_CASE("a C++ name that is too long loses its template arguments, then its parameters")
{
    const std::string push =
        "std::vector<std::map<std::string, int>, std::allocator<std::map<std::string, int> > >::"
        "push_back(std::map<std::string, int> const&)";
    CHECK(shortened_name(push, 200) == push);
    CHECK(shortened_name(push, 60) == "std::vector<...>::push_back(std::map<...> const&)");
    CHECK(shortened_name(push, 40) == "std::vector<...>::push_back(...)");
    CHECK(shortened_name("bool operator< <int>(Box<int> const&, Box<int> const&)", 40) ==
          "operator< <...>(...)");
    CHECK(shortened_name("Pointer<std::string>::operator->() const", 32) ==
          "Pointer<...>::operator->() const");
    CHECK(shortened_name("a_long_name_of_a_function_in_C", 10) == "a_long_name_of_a_function_in_C");
    CHECK(shortened_name("damaged<name", 5) == "damaged<name");
}

TEST_CASE("text: a long C++ name fits into the line of its frame")
{
    Finding f = socket_leak();
    const std::string arguments(300, 'x');
    f.stack.front().function = f.blame.function = "Pool<" + arguments + ">::take(int)";
    CHECK(contains(text_of({image_with({f})}), "Pool<...>::take(int)"));
    CHECK(!contains(text_of({image_with({f})}), arguments));
    CHECK(contains(text_of({image_with({f})}, true), arguments)); // --all
}

TEST_CASE("text: of a second release that nothing failed in, nothing failed is said")
{
    Finding f = socket_leak();
    f.rule = "double-release";
    f.family = "heap";
    f.failed_release = FailedRelease{};
    f.failed_release->function = "free";
    f.failed_release->count = 2;
    f.failed_release->stack = f.stack;
    const std::string text = text_of({image_with({f})});
    CHECK(contains(text, "freed again by free, 2 times"));
    CHECK(contains(text, "freed again by free, called from"));
    CHECK(!contains(text, "returned 0"));
    CHECK(!contains(text, "failed"));

    f.family = "socket";
    f.failed_release->function = "close";
    f.failed_release->result = -1;
    f.failed_release->error = EBADF;
    CHECK(contains(text_of({image_with({f})}), "close returned -1 (EBADF), 2 times"));
    CHECK(contains(text_of({image_with({f})}), "closed again by close, called from"));
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

TEST_CASE("text: of a path that does not fit the end is shown, unless all is asked for")
{
    Finding f = socket_leak();
    f.stack[2].file =
        "/a/very/long/path/of/folders/that/nobody/wants/to/read/in/a/narrow/terminal/src/server.c";
    const std::string text = text_of({image_with({f})}, false, 80);
    CHECK(contains(text, "/src/server.c:40"));
    CHECK(contains(text, " ..."));
    CHECK(!contains(text, "/a/very/long"));
    CHECK(contains(text_of({image_with({f})}, true, 80), "/a/very/long"));
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

TEST_CASE("On a terminal with links the places of frames lead to their files, and take no columns for it")
{
    Report report;
    report.images = {image_with({socket_leak()})};
    TextStyle style;
    style.width = 60;
    const std::string plain = write_text(report, style);
    style.link = [](const std::string &file, int line) {
        return file == "/src/server.c" ? "file://host" + file + "#" + std::to_string(line) : std::string();
    };

    std::string linked = write_text(report, style);

    CHECK(contains(linked, "\x1b]8;;file://host/src/server.c#11\x1b\\/src/server.c:11\x1b]8;;\x1b\\"));
    // without the links it is the same text
    for (const std::string &escape :
         {std::string("\x1b]8;;file://host/src/server.c#11\x1b\\"),
          std::string("\x1b]8;;file://host/src/server.c#40\x1b\\"), std::string("\x1b]8;;\x1b\\")})
        for (size_t at; (at = linked.find(escape)) != std::string::npos;)
            linked.erase(at, escape.size());
    CHECK(linked == plain);
}

TEST_CASE("Columns are counted without escape sequences, and a character of UTF-8 is one")
{
    CHECK(columns("plain") == 5);
    CHECK(columns("\x1b[1;31mleak\x1b[0m") == 4);
    CHECK(columns("\x1b]8;;file:///x\x1b\\x.c:1\x1b]8;;\x1b\\") == 5);
    CHECK(columns("äöü▁") == 4);
    CHECK(wrapped("\x1b[1maa\x1b[0m bb \x1b[1mcc\x1b[0m", 5, 0, 0) ==
          "\x1b[1maa\x1b[0m bb\n\x1b[1mcc\x1b[0m");
}

TEST_CASE("Lines are broken neither within a parenthesis nor between a number and its unit, where they can")
{
    CHECK(wrapped("malloc in subscribe, mqtt.c:50 (owner MQTT)", 38, 0, 2) ==
          "malloc in subscribe, mqtt.c:50\n  (owner MQTT)");
    CHECK(wrapped("16 of 16 heap blocks of 40 B (640 B) lost", 26, 0, 0) ==
          "16 of 16 heap blocks of\n40 B (640 B) lost");
    CHECK(wrapped("will be reached, after about 9 min.", 32, 0, 0) == "will be reached, after about\n9 min.");
    CHECK(wrapped("nothing (a parenthesis longer than half a line is like words) at all", 30, 0, 0) ==
          "nothing (a parenthesis longer\nthan half a line is like\nwords) at all");
    CHECK(wrapped("37 of 37 closes failed (-1, EALREADY), each", 36, 0, 0) ==
          "37 of 37 closes failed\n(-1, EALREADY), each");
    CHECK(wrapped("never closed (of these", 12, 0, 0) == "never closed\n(of these");
}

TEST_CASE("On a narrow terminal no line is wider than it, and the table keeps what is unpaired")
{
    ImageReport image = image_with({socket_leak()});
    image.totals["socket"].unpaired_bytes = 1234567;
    image.totals["socket"].released_unseen = 1;
    image.totals["socket"].failed_releases = 5;
    const std::string text = text_of({image}, false, 60);
    for (size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
        INFO("'" << text.substr(at, end - at) << "'");
        CHECK(columns(text.substr(at, end - at)) <= 60);
    }
    CHECK(contains(text, "unpaired"));
    CHECK(contains(text, "1.2 MiB"));
}
