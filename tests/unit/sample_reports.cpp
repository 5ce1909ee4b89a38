#include "sample_reports.h"

#include <array>
#include <string>

namespace unpaired::samples {
namespace {

Frame frame(const std::string &function, const std::string &file, int line, const std::string &module,
            uint64_t address)
{
    return {function, file, line, module, address, false};
}

const std::string program = "/home/ada/gateway/build/gateway";
const std::string sources = "/home/ada/gateway/src/";
const std::string lwip = "/usr/lib/x86_64-linux-gnu/liblwip.so.0";
const std::string libc = "/usr/lib/x86_64-linux-gnu/libc.so.6";

std::vector<GrowthPoint> straight(int cycles, int per_cycle)
{
    std::vector<GrowthPoint> series;
    for (int i = 0; i <= cycles; i += 2)
        series.push_back(
            {static_cast<double>(i), static_cast<uint64_t>(i) * static_cast<uint64_t>(per_cycle)});
    return series;
}

std::vector<Frame> start_of_program()
{
    return {frame("main", sources + "main.c", 112, program, 0x401a20),
            frame("__libc_start_call_main", "", 0, libc, 0x7f0000027249)};
}

std::vector<Frame> with_start(std::vector<Frame> stack)
{
    for (Frame &one : start_of_program())
        stack.push_back(std::move(one));
    return stack;
}

Finding lost_socket()
{
    Finding f;
    f.id = "5c1d20b7a9e3f480";
    f.rule = "release-failed";
    f.severity = Severity::leak;
    f.family = "lwip_socket";
    f.function = "lwip_socket";
    f.owner = "MQTT";
    f.count = 37;
    f.acquired = 38;
    f.released = 1;
    f.growth = Growth::linear;
    f.per_cycle = 1;
    f.incident = 1;
    f.series = straight(38, 1);
    f.stack = with_start(
        {frame("platform_net_socket_connect", sources + "net/platform_net_socket.c", 31, program, 0x402f10),
         frame("mqtt_connect_with_results", sources + "mqtt/mqttclient.c", 877, program, 0x403080),
         frame("mqtt_try_reconnect", sources + "mqtt/mqttclient.c", 640, program, 0x4032aa)});
    f.blame = f.stack[0];
    FailedRelease failed;
    failed.function = "lwip_close";
    failed.result = -1;
    failed.error = 107;
    failed.count = 37;
    failed.preceded_by = "lwip_shutdown";
    failed.stack =
        with_start({frame("mbedtls_net_free", "/usr/src/mbedtls/library/net_sockets.c", 660,
                          "/usr/lib/x86_64-linux-gnu/libmbedtls.so.14", 0x7f0000108a31),
                    frame("nettype_tls_disconnect", sources + "net/nettype_tls.c", 158, program, 0x4039bb)});
    failed.at = failed.stack[0];
    f.failed_release = failed;
    f.forecast = Forecast{38, "NUM_SOCKETS", 38, true, 38, 76.0};
    return f;
}

Finding lost_blocks()
{
    Finding f;
    f.id = "3cf99090d410f3d4";
    f.rule = "never-released";
    f.severity = Severity::leak;
    f.family = "heap";
    f.function = "malloc";
    f.owner = "MQTT";
    f.count = 76;
    f.bytes = 1520;
    f.acquired = 190;
    f.released = 114;
    f.growth = Growth::linear;
    f.per_cycle = 2;
    f.incident = 1;
    f.series = straight(38, 2);
    f.reachability = "lost";
    f.reached.lost = {74, 1480};
    f.reached.reachable = {2, 40};
    f.held_by = "held by g_client + 16";
    const std::string topic = "home/kitchen/temperature";
    f.preview = {{0x20004a10, {topic.begin(), topic.end()}}};
    f.stack =
        with_start({frame("platform_memory_alloc", sources + "platform/memory.c", 29, program, 0x402010),
                    frame("mqtt_msg_handler_create", sources + "mqtt/mqttclient.c", 268, program, 0x4021f0),
                    frame("mqtt_subscribe", sources + "mqtt/mqttclient.c", 1203, program, 0x4021f0)});
    Frame inlined = f.stack[1];
    inlined.inlined = true;
    f.stack.replace(1, inlined);
    f.blame = f.stack[2];
    f.sibling = Sibling{"malloc", frame("mqtt_unsubscribe", sources + "mqtt/mqttclient.c", 1288, program, 0),
                        38, 38, "free"};
    return f;
}

Finding twice()
{
    Finding f;
    f.id = "a9e0118c6644d2b1";
    f.rule = "double-release";
    f.severity = Severity::leak;
    f.family = "file";
    f.function = "open";
    f.count = 3;
    f.acquired = 12;
    f.released = 12;
    f.stack = with_start({frame("config::Loader::load(std::string const&)", sources + "config/loader.cpp", 71,
                                program, 0x40511c)});
    f.blame = f.stack[0];
    f.ended_by = EndedBy{"close", with_start({frame("config::Loader::~Loader()",
                                                    sources + "config/loader.cpp", 22, program, 0x405310)})};
    return f;
}

Finding suspected()
{
    Finding f;
    f.id = "0e77b3c1f2a94d58";
    f.rule = "never-released";
    f.severity = Severity::suspect;
    f.family = "socket";
    f.function = "accept4";
    f.owner = "MBUS";
    f.count = 5;
    f.acquired = 20;
    f.released = 15;
    f.growth = Growth::step;
    f.series = {{0, 0}, {9, 0}, {10, 2}, {24, 2}, {25, 5}, {38, 5}};
    f.stack = with_start(
        {frame("modbus_tcp_accept", "", 0, "/usr/lib/x86_64-linux-gnu/libmodbus.so.5", 0x7f000020aa7e),
         frame("serve_one", sources + "modbus/server.c", 25, program, 0x404777)});
    f.blame = f.stack[1];
    f.forecast = Forecast{1024, "FD_SETSIZE", 1018, false, 7752, 15504};
    f.remarks = {"the process was killed before it could close them"};
    return f;
}

Finding held(const std::string &id, Severity severity, const std::string &function)
{
    Finding f;
    f.id = id;
    f.rule = "never-released";
    f.severity = severity;
    f.family = "heap";
    f.function = "calloc";
    f.count = 1;
    f.bytes = 4096;
    f.acquired = 1;
    f.reachability = "reachable";
    f.reached.reachable = {1, 4096};
    f.stack = with_start({frame(function, sources + "log.c", 14, program, 0x4060aa)});
    f.blame = f.stack[0];
    return f;
}

ImageReport image_of(const std::string &path, int pid)
{
    ImageReport image;
    image.trace.source = "preload";
    image.trace.program = path;
    image.trace.command = {path, "--config", "/etc/gateway.conf"};
    image.trace.pid = pid;
    image.trace.end = "exit";
    image.trace.duration_s = 76.4;
    image.trace.events = 4021;
    image.series_unit = "cycle";
    return image;
}

} // namespace

Report gateway()
{
    Report report;
    ImageReport image = image_of(program, 15949);
    image.trace.end = "signal:6";
    image.trace.cycles = 38;
    image.trace.cycle_source = "marks";
    image.trace.cycle_name = "reconnect";
    image.findings = {lost_socket(), lost_blocks(), twice(), suspected(),
                      held("77aa52d0c1e9b36f", Severity::note, "log_open")};
    Finding suppressed = held("e1b8c7054f93a26d", Severity::note, "start_up_cache");
    suppressed.suppressed_by = "known.supp:3: leak:start_up_cache";
    image.findings.push_back(suppressed);
    image.incidents = {{1,
                        "1 lwIP socket, 2 heap blocks (40 B)",
                        "each of 38 reconnects leaves 1 lwIP socket and 2 heap blocks (40 B), owner MQTT",
                        {lost_socket().id, lost_blocks().id},
                        38}};
    image.totals["heap"] = {412, 330, 4, 78, 9712, 0, 0};
    image.totals["lwip_socket"] = {38, 1, 0, 37, 0, 37, 1};
    image.totals["socket"] = {20, 15, 0, 5, 0, 0, 0};
    image.owners["MQTT"] = {113, 1520};
    image.owners["MBUS"] = {5, 0};
    image.owners[""] = {2, 8192};
    image.modules = {{program, "8f1e2d3c4b5a69788796a5b4c3d2e1f001122334", 0x401000, 0x408000},
                     {libc, "58a1ae2b3c4d5e6f708192a3b4c5d6e7f8091a2b", 0x7f0000026000, 0x7f000017b000}};
    image.remarks = {"lwip_socket failed once"};
    report.images.push_back(image);

    ImageReport worker = image_of("/home/ada/gateway/build/worker", 15951);
    worker.trace.parent = 15949;
    worker.findings = {held("c0ffee0011223344", Severity::suspect, "worker_start")};
    worker.totals["heap"] = {9, 8, 0, 1, 4096, 0, 0};
    worker.owners[""] = {1, 4096};
    report.images.push_back(worker);
    report.unused_suppressions = {{"known.supp:4", "socket:^keep_alive$"}};
    return report;
}

Report hostile()
{
    static constexpr std::array<const char *, 8> attacks = {
        "<img src=x onerror=window.pwned=1>", "</script><script>window.pwned=1</script>",
        "<!--<script>window.pwned=1",         "\"><svg onload=window.pwned=1>",
        "javascript:window.pwned=1",          "@SCRIPT@ @DATA@ ${window.pwned=1} ]]> &lt; &#x3c;",
        "semi;colon\nnew\x01line\x1b[2J\x7f", "broken \xff\xc0\xaf\xed\xa0\x80 utf-8 \xf0\x9f",
    };
    auto attack = [next = size_t{0}]() mutable { return std::string(attacks[next++ % attacks.size()]); };
    Report report;
    ImageReport image = image_of("/tmp/" + attack(), 1);
    image.trace.command = {attack(), attack()};
    image.trace.cycle_name = attack();
    image.trace.cycles = 4;
    for (size_t i = 0; i < attacks.size(); i++) {
        Finding f = suspected();
        f.id = "000000000000000" + std::to_string(i);
        f.rule = i == 7 ? attack() : f.rule;
        f.family = attacks[i];
        f.owner = attacks[(i + 1) % attacks.size()];
        f.function = attacks[(i + 2) % attacks.size()];
        f.held_by = attack();
        f.remarks = {attack(), attack()};
        f.reached.reachable = {f.count, 0};
        for (size_t at = 0; at < f.stack.size(); at++) {
            Frame one = f.stack[at];
            one.function = attack();
            one.file = "/src/" + attack();
            one.module = "/lib/" + attack();
            f.stack.replace(at, one);
        }
        f.blame = f.stack[0];
        FailedRelease &failed = f.failed_release.emplace();
        failed.function = attack();
        failed.result = -1;
        failed.count = 1;
        failed.preceded_by = attack();
        failed.at = f.stack[1];
        failed.stack = f.stack;
        f.ended_by = EndedBy{attack(), f.stack};
        f.sibling = Sibling{attack(), f.stack[2], 3, 3, attack()};
        f.forecast->limit_name = attack();
        f.parts[attack()] = {1, 472};
        f.incident = 1;
        image.totals[attacks[i]] = {1, 0, 0, 1, 0, 0, 0};
        image.owners[attacks[i]] = {1, 0};
        image.findings.push_back(f);
    }
    image.incidents = {{1, attack(), attack(), {image.findings[0].id, attack()}, 3}};
    for (size_t i = 0; i < attacks.size(); i++)
        image.remarks.push_back(attacks[i]);
    Finding suppressed = suspected();
    suppressed.severity = Severity::note;
    suppressed.suppressed_by = attacks[1];
    image.findings.push_back(suppressed);
    image.modules = {{"/lib/" + std::string(attacks[0]), attacks[2], 0x401000, 0x408000}};
    report.images = {image, image};
    report.images[1].trace.pid = 2;
    for (size_t i = 0; i < attacks.size(); i++)
        report.remarks.push_back(attacks[i]);
    return report;
}

Report big(int count)
{
    static constexpr std::array<const char *, 6> families = {"heap", "socket", "file",
                                                             "new",  "mutex",  "stream"};
    static constexpr std::array<const char *, 4> owners = {"MQTT", "MBUS", "HTTP", ""};
    Report report;
    ImageReport image = image_of("/opt/big/server", 4711);
    uint64_t random = 1;
    const auto next = [&random](uint64_t below) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        return (random >> 33) % below;
    };
    for (int i = 0; i < count; i++) {
        Finding f;
        std::string number = std::to_string(i);
        f.id = std::string(16 - number.size(), '0') + number;
        f.rule = "never-released";
        f.severity = i % 3 == 0 ? Severity::leak : Severity::suspect;
        f.family = families[next(families.size())];
        f.function = "malloc";
        f.owner = owners[next(owners.size())];
        f.count = 1 + next(100);
        f.acquired = f.count + next(100);
        f.released = f.acquired - f.count;
        f.bytes = f.count * (16 + next(4000));
        if (i % 5 == 0) {
            f.growth = Growth::linear;
            f.series = straight(20, 3);
        }
        uint64_t way = 0; // stacks share their outer frames
        std::vector<Frame> outer;
        for (int depth = 0; depth < 24; depth++) {
            way = way * 3 + next(depth < 3 ? 2 : 3);
            const std::string name = "step_" + std::to_string(depth) + "_" + std::to_string(way % 400);
            outer.push_back(frame(name, "/opt/big/src/module_" + std::to_string(way % 40) + "/" + name + ".c",
                                  static_cast<int>(10 + way % 900), "/opt/big/server",
                                  0x401000 + way % 400 * 64));
        }
        f.stack = Stack(outer.rbegin(), outer.rend());
        f.blame = f.stack[1];
        image.findings.push_back(std::move(f));
    }
    image.totals["heap"] = {1000000, 900000, 0, 100000, 123456789, 0, 0};
    report.images.push_back(std::move(image));
    return report;
}

} // namespace unpaired::samples
