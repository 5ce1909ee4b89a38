#include "text_samples.h"
#include "writers/text_words.h"

#include <catch2/catch.hpp>
#include <cerrno>

using namespace unpaired;
using namespace unpaired::text_samples;

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
