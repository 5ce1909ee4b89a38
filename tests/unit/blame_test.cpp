#include "passes/blame.h"

#include "analyze_helpers.h"

#include <catch2/catch.hpp>

using namespace unpaired;
using namespace unpaired::test;

namespace {

/// The blamed function of each finding, by the finding's count.
std::string blamed(const TraceBuilder &builder, uint64_t count)
{
    Report report = report_of(builder);
    for (const Finding &finding : report.images.at(0).findings)
        if (finding.count == count)
            return finding.blame.function;
    return "no finding of that count";
}

} // namespace

TEST_CASE("the innermost frame that is not of a system library is blamed")
{
    TraceBuilder builder;
    builder.leak(builder.site("accept4", {"libmodbus.so.5!modbus_tcp_accept", "serve_one@server.c:11",
                                          "main@server.c:40"}),
                 3);

    CHECK(blamed(builder, 3) == "serve_one");
}

TEST_CASE("the library function that the blamed frame called is named, one that only allocates is not")
{
    const auto through = [](const std::string &function, const std::vector<std::string> &stack) {
        TraceBuilder builder;
        builder.leak(builder.site(function, stack), 3, 20);
        return report_of(builder).images.at(0).findings.at(0).through;
    };
    CHECK(through("accept4", {"libmodbus.so.5!tcp_accept", "libmodbus.so.5!modbus_tcp_accept",
                              "serve_one@server.c:11", "main@server.c:40"}) == "modbus_tcp_accept");
    CHECK(through("accept4", {"serve_one@server.c:11", "libown.so!event_loop"}).empty());
    CHECK(through("malloc", {"libc.so.6!__vasprintf_internal", "libc.so.6!__asprintf_chk",
                             "serve_one@server.c:11"}) == "asprintf");
    CHECK(through("malloc", {"libc.so.6!__strdup", "serve_one@server.c:11"}) == "strdup");
    CHECK(through("malloc", {"libc.so.6!strdup", "libmodbus.so.5!modbus_new_tcp", "serve_one@server.c:11"}) ==
          "modbus_new_tcp");
    CHECK(through("malloc", {"libmodbus.so.5!CRYPTO_malloc", "libmodbus.so.5!SSL_new",
                             "serve_one@server.c:11"}) == "SSL_new");
    CHECK(through("malloc", {"xmalloc@mem.c:2", "serve_one@server.c:11"}).empty()); // no other module
}

TEST_CASE("a program's own library is not the system's")
{
    TraceBuilder builder;
    builder.leak(builder.site("malloc", {"libown.so!own_open", "main@server.c:40"}), 3);

    CHECK(blamed(builder, 3) == "own_open");
}

TEST_CASE("a function that many callers allocate through is a wrapper")
{
    TraceBuilder builder;
    builder.leak(builder.site("malloc", {"get_block@mem.c:4", "subscribe@mqtt.c:9", "main@main.c:1"}), 7, 20);
    // the other caller is balanced: it tells about the wrapper all the same
    builder.counter(builder.site("malloc", {"get_block@mem.c:4", "publish@mqtt.c:20", "main@main.c:2"}), 50);

    CHECK(blamed(builder, 7) == "subscribe");
}

TEST_CASE("wrappers around wrappers are seen through")
{
    TraceBuilder builder;
    builder.leak(
        builder.site("malloc", {"raw@mem.c:4", "get_block@mem.c:9", "subscribe@mqtt.c:9", "main@main.c:1"}),
        7, 20);
    builder.counter(
        builder.site("malloc", {"raw@mem.c:4", "get_block@mem.c:9", "publish@mqtt.c:20", "main@main.c:2"}),
        50);
    builder.counter(builder.site("malloc", {"raw@mem.c:4", "boot@boot.c:3", "main@main.c:3"}), 1);

    CHECK(blamed(builder, 7) == "subscribe");
}

TEST_CASE("a wrapper that was inlined into its callers is one function")
{
    TraceBuilder builder;
    builder.leak(builder.site("malloc", {"get_block@mem.c:4|subscribe@mqtt.c:9", "main@main.c:1"}), 7, 20);
    builder.counter(builder.site("malloc", {"get_block@mem.c:4|publish@mqtt.c:20", "main@main.c:2"}), 50);

    CHECK(blamed(builder, 7) == "subscribe");
}

TEST_CASE("a function that allocates in two places does its own work and is blamed itself")
{
    TraceBuilder builder;
    builder.leak(builder.site("malloc", {"subscribe@mqtt.c:9", "setup@main.c:1"}), 7, 20);
    builder.leak(builder.site("malloc", {"subscribe@mqtt.c:15", "teardown@main.c:2"}), 6, 20);

    CHECK(blamed(builder, 7) == "subscribe");
    CHECK(blamed(builder, 6) == "subscribe");
}

TEST_CASE("two callers do not make a wrapper of what opens a socket, and main never is one")
{
    TraceBuilder builder;
    builder.leak(builder.site("accept4", {"serve_one@s.c:9", "first@main.c:1"}), 7);
    builder.leak(builder.site("accept4", {"serve_one@s.c:9", "second@main.c:2"}), 6);
    builder.leak(builder.site("malloc", {"main@main.c:5"}), 5);

    CHECK(blamed(builder, 7) == "serve_one");
    CHECK(blamed(builder, 6) == "serve_one");
    CHECK(blamed(builder, 5) == "main");
}

TEST_CASE("well-known names are wrappers with a single caller")
{
    for (const char *name : {"xmalloc", "platform_memory_alloc", "operator new(unsigned long)", "rt_malloc",
                             "g_strdup", "std::vector<int, std::allocator<int> >::_M_realloc_insert(int&&)",
                             "void std::vector<int, std::allocator<int> >::emplace_back<int>(int&&)",
                             "__gnu_cxx::new_allocator<int>::allocate(unsigned long, void const*)"}) {
        INFO(name);
        CHECK(is_wrapper_name(name));
    }
    for (const char *name : {"allocate_table", "main", "alloc_and_register_session",
                             "app::connect(std::string const&)", "malloc_stats_task", "operator==(A, B)"}) {
        INFO(name);
        CHECK_FALSE(is_wrapper_name(name));
    }
}

TEST_CASE("where only a wrapper is the program's own, the wrapper is blamed")
{
    TraceBuilder builder;
    builder.leak(builder.site("malloc", {"worker_alloc@mem.c:4", "libc.so.6!start_thread"}), 7, 20);

    CHECK(blamed(builder, 7) == "worker_alloc");
}

TEST_CASE("where only libraries are on the stack, the C runtime is the last to be blamed")
{
    TraceBuilder builder;
    builder.leak(
        builder.site("malloc", {"libc.so.6!strdup", "libmodbus.so.5!modbus_new", "libc.so.6!call_init"}), 7,
        20);
    builder.leak(builder.site("malloc", {"libc.so.6!tzset"}), 3, 20);

    CHECK(blamed(builder, 7) == "modbus_new");
    CHECK(blamed(builder, 3) == "tzset");
}

TEST_CASE("system modules are told by their path, except the main executable")
{
    CHECK(is_system_module("/usr/lib/x86_64-linux-gnu/libc.so.6", "/opt/server"));
    CHECK(is_system_module("/lib64/ld-linux-x86-64.so.2", "/opt/server"));
    CHECK_FALSE(is_system_module("/usr/lib/firefox/firefox", "/usr/lib/firefox/firefox"));
    CHECK_FALSE(is_system_module("/opt/lib/libown.so", "/opt/server"));
    CHECK_FALSE(is_system_module("/usr/libexec/tool", "/opt/server"));
}
