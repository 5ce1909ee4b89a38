#include "symbols/owner_rules.h"

#include "symbols/function_name.h"
#include "symbols/wildcard.h"
#include "symbols_samples.h"
#include "unpaired/owner_rules.h"

#include <algorithm>
#include <cstring>
#include <fstream>

using namespace unpaired;

namespace {

const std::string sample_full = samples::folder + "/sample_full";
const std::string sample_library = samples::folder + "/libsample_library.so";

Frame frame(std::string function, std::string file = "", std::string module = "")
{
    Frame made;
    made.function = std::move(function);
    made.file = std::move(file);
    made.module = std::move(module);
    return made;
}

/// The recorder's tables, read back by their header's description.
struct Tables {
    unpaired_rules_header header;
    std::vector<unpaired_rules_module> modules;
    std::vector<unpaired_rules_range> ranges;
    std::vector<unpaired_rules_pattern> patterns;

    explicit Tables(const std::vector<std::byte> &blob)
    {
        size_t at = 0;
        auto take = [&](void *to, size_t size) {
            REQUIRE(at + size <= blob.size());
            if (size == 0) // an empty vector has no address
                return;
            std::memcpy(to, blob.data() + at, size);
            at += size;
        };
        take(&header, sizeof header);
        REQUIRE(std::memcmp(header.magic, UNPAIRED_RULES_MAGIC, 8) == 0);
        modules.resize(header.n_modules);
        ranges.resize(header.n_ranges);
        patterns.resize(header.n_patterns);
        take(modules.data(), modules.size() * sizeof modules[0]);
        take(ranges.data(), ranges.size() * sizeof ranges[0]);
        take(patterns.data(), patterns.size() * sizeof patterns[0]);
        REQUIRE(at == blob.size());
    }

    /// The owner of a return address in the module with that build-id, as four characters; "" if no range has it.
    std::string owner_at(const std::string &build_id, uint64_t return_address, uint64_t bias) const
    {
        for (const auto &module : modules) {
            std::string hex;
            for (int i = 0; i < module.build_id_len; i++) {
                char digits[3];
                snprintf(digits, sizeof digits, "%02x", module.build_id[i]);
                hex += digits;
            }
            if (hex != build_id)
                continue;
            for (uint32_t i = 0; i < module.n_ranges; i++) {
                const auto &range = ranges[module.first_range + i];
                uint64_t address = return_address - 1 - bias;
                if (address >= range.start && address < range.end)
                    return {reinterpret_cast<const char *>(&range.owner), 4};
            }
        }
        return "";
    }
};

/// The owners that the recorder gives to places of the sample program, by label.
std::map<std::string, std::string> owners_in_sample(const std::vector<std::string> &texts,
                                                    const std::string &program = "sample_full")
{
    auto places = samples::places_of(program);
    auto path = samples::folder + "/" + program;
    Tables tables(compile_rules(parse_owner_rules(texts), path, {sample_library}));
    std::map<std::string, std::string> owners;
    for (const auto &[label, place] : places) {
        bool in_library = label.starts_with("library_");
        owners[label] = tables.owner_at(samples::build_id_of(in_library ? sample_library : path),
                                        place.address, place.bias);
    }
    return owners;
}

} // namespace

TEST_CASE("an owner rule's kind is what its pattern looks like, or what its prefix says", "[owners]")
{
    struct Row {
        const char *text;
        OwnerRuleKind kind;
        const char *pattern, *owner;
    };
    using enum OwnerRuleKind;
    auto row = GENERATE(values<Row>({
        {"mqtt_*=MQTT", function, "mqtt_*", "MQTT"},
        {"app::Server::*=APP", function, "app::Server::*", "APP"},
        {"operator==*=EQ", function, "operator==*", "EQ"},
        {"operator/=DIV", function, "operator/", "DIV"},
        {"fun::call=X", function, "fun::call", "X"},
        {"fun:libx.so=X", function, "libx.so", "X"},
        {"server.c=SRV", source, "server.c", "SRV"},
        {"*/modbus/*.c=MBUS", source, "*/modbus/*.c", "MBUS"},
        {"src/mqtt/*=MQTT", source, "src/mqtt/*", "MQTT"},
        {"src:mqtt=MQTT", source, "mqtt", "MQTT"},
        {"libmodbus.so*=MBUS", module, "libmodbus.so*", "MBUS"},
        {"libm.so.6=M", module, "libm.so.6", "M"},
        {"/usr/lib/libx.so=X", module, "/usr/lib/libx.so", "X"},
        {"/usr/sbin/mosquitto=MQ", module, "/usr/sbin/mosquitto", "MQ"},
        {"mod:mosquitto=MQ", module, "mosquitto", "MQ"},
        {"socket_so=S", function, "socket_so", "S"},
        {"f=A B ", function, "f", "A B"},
    }));
    CAPTURE(row.text);
    auto rule = parse_owner_rule(row.text);
    CHECK(rule.kind == row.kind);
    CHECK(rule.pattern == row.pattern);
    CHECK(rule.owner == row.owner);
}

TEST_CASE("a bad owner rule is refused in one line that names it and shows a right one", "[owners]")
{
    auto text = GENERATE(as<std::string>(), "mqtt_*", "", "=MQTT", "fun:=MQTT", "mqtt_*=", "mqtt_*=MQTT5",
                         "f= X", "f=M\xc3\xbcL", "f=\x01", "mod:" + std::string(200, 'x') + "=X");
    CAPTURE(text);
    try {
        parse_owner_rules({"fine_*=OK", text});
        FAIL("accepted");
    } catch (const OwnerRuleError &error) {
        CHECK_THAT(error.what(), Catch::Contains("'" + text + "'") && Catch::Contains("mqtt_*=MQTT"));
        CHECK(std::string(error.what()).find('\n') == std::string::npos);
    }
}

TEST_CASE("wildcards: a star for anything, a question mark for one, brackets for themselves", "[owners]")
{
    CHECK(wildcard_match("mqtt_*", "mqtt_connect"));
    CHECK(wildcard_match("*", ""));
    CHECK(wildcard_match("a*b*c", "aXbXbXc"));
    CHECK(wildcard_match("*/m/*.c", "/src/m/x/y.c"));
    CHECK(wildcard_match("f?o", "foo"));
    CHECK(wildcard_match("operator[]", "operator[]"));
    CHECK_FALSE(wildcard_match("mqtt_*", "xmqtt_connect"));
    CHECK_FALSE(wildcard_match("mqtt", "mqtt_connect"));
    CHECK_FALSE(wildcard_match("f?o", "fo"));
    CHECK_FALSE(wildcard_match("", "x"));
    CHECK_FALSE(wildcard_match("[ab]", "a"));
}

TEST_CASE("a qualified name is the scoped name without parameters and return type", "[owners]")
{
    CHECK(qualified_name("mqtt_connect") == "mqtt_connect");
    CHECK(qualified_name("app::Server::serve(int)") == "app::Server::serve");
    CHECK(qualified_name("void *app::inner<long>(long (*)(int)) const") == "app::inner<long>");
    CHECK(qualified_name("app::(anonymous namespace)::f(int)") == "app::(anonymous namespace)::f");
    CHECK(qualified_name("(anonymous namespace)::f(int)") == "(anonymous namespace)::f");
    CHECK(qualified_name("main::{lambda(int)#1}::operator()(int) const") ==
          "main::{lambda(int)#1}::operator()");
    CHECK(qualified_name("operator new(unsigned long)") == "operator new");
    CHECK(qualified_name("Foo::operator unsigned int() const") == "Foo::operator unsigned int");
    CHECK(qualified_name("bool operator< <int>(A<int> const&)") == "operator< <int>");
    CHECK(qualified_name("") == "");
}

TEST_CASE("a symbol loses what compiler and libc added to it, and its mangling", "[owners]")
{
    CHECK(demangle("_ZN3app6Server5serveEi.isra.0") == "app::Server::serve(int)");
    CHECK(demangle("parse.part.0.constprop.1") == "parse");
    CHECK(demangle("parse.cold") == "parse");
    CHECK(demangle("__GI_setlocale") == "setlocale");
    CHECK(demangle("__GI___strdup") == "__strdup");
    CHECK(demangle("_Znot_mangled") == "_Znot_mangled");
    CHECK(demangle(".cold") == ".cold");
    CHECK(demangle("asm.label") == "asm.label");
    CHECK(demangle("") == "");
}

TEST_CASE("the innermost frame that any rule matches decides, then the first rule", "[owners]")
{
    auto rules =
        parse_owner_rules({"outer=OUT", "inner=INN", "in*=SEC", "*/modbus/*.c=MBUS", "libx.so*=LIBX"});
    CHECK(match_rules(rules, {frame("inner"), frame("outer")}) == "INN");
    CHECK(match_rules(rules, {frame("outer"), frame("inner")}) == "OUT");
    CHECK(match_rules(rules, {frame("other"), frame("inside(int)"), frame("outer")}) == "SEC");
    CHECK(match_rules(rules, {frame("other", "/home/me/modbus/tcp.c"), frame("outer")}) == "MBUS");
    CHECK(match_rules(rules, {frame("", "", "/usr/lib/libx.so.2.1"), frame("outer")}) == "LIBX");
    CHECK(match_rules(rules, {frame("other", "/home/me/x.c", "/usr/bin/x")}) == std::nullopt);
    CHECK(match_rules(rules, {}) == std::nullopt);
    CHECK(match_rules({}, {frame("inner")}) == std::nullopt);
    // a relative directory means that directory wherever the tree stands
    auto relative = parse_owner_rules({"src/mqtt/*=MQTT"});
    CHECK(match_rules(relative, {frame("f", "/build/7/src/mqtt/client.c")}) == "MQTT");
    CHECK(match_rules(relative, {frame("f", "/build/7/notsrc/mqtt/client.c")}) == std::nullopt);
}

TEST_CASE("function rules become ranges that hold exactly the functions' code", "[owners]")
{
    auto owners = owners_in_sample({"mqtt_*=MQTT", "library_hidden=HID"});
    CHECK(owners["mqtt_connect"] == "MQTT");
    CHECK(owners["library_hidden"] == "HID ");
    for (const auto *label : {"inner", "serve", "unnamed", "from_header", "library_exported"}) {
        CAPTURE(label);
        CHECK(owners[label].empty());
    }
}

TEST_CASE("a C++ function is found by scoped name, whole name or linkage name", "[owners]")
{
    auto text = GENERATE("app::Server::serve=SERV", "app::Server::serve(int)=SERV",
                         "_ZN3app6Server5serve*=SERV", "*::serve=SERV");
    CAPTURE(text);
    auto owners = owners_in_sample({text});
    CHECK(owners["serve"] == "SERV");
    CHECK(owners["inner"] == "SERV"); // inlined into it, and no rule of its own
    CHECK(owners["unnamed"].empty());
}

TEST_CASE("an inlined call has its own owner, the innermost wins whatever the order of the rules", "[owners]")
{
    auto rules = GENERATE(as<std::vector<std::string>>(),
                          std::vector<std::string>{"*::serve=SERV", "*::middle=MIDD", "*::inner<long>=INNR"},
                          std::vector<std::string>{"*::inner<long>=INNR", "*::middle=MIDD", "*::serve=SERV"});
    auto owners = owners_in_sample(rules);
    CHECK(owners["inner"] == "INNR");
    CHECK(owners["middle"] == "MIDD");
    CHECK(owners["serve"] == "SERV");
}

TEST_CASE("a source rule covers the functions written in the file, inlined from a header too", "[owners]")
{
    auto owners = owners_in_sample({"sample_inline.h=HEAD", "*/sample.cpp=PROG"});
    CHECK(owners["from_header"] == "HEAD");
    CHECK(owners["unnamed"] == "PROG");
    CHECK(owners["inner"] == "PROG");
    CHECK(owners["mqtt_connect"] == "PROG");
    CHECK(owners["library_exported"].empty());
}

TEST_CASE("rules hold for programs of every kind of debug information", "[owners]")
{
    auto program = GENERATE(as<std::string>(), "sample_no_pie", "sample_static_pie", "sample_dwarf4",
                            "sample_split", "sample_no_aranges");
    CAPTURE(program);
    auto owners = owners_in_sample({"*::middle=MIDD", "mqtt_*=MQTT", "sample_inline.h=HEAD"}, program);
    CHECK(owners["middle"] == "MIDD");
    CHECK(owners["inner"] == "MIDD");
    CHECK(owners["mqtt_connect"] == "MQTT");
    CHECK(owners["from_header"] == "HEAD");
    CHECK(owners["serve"].empty());
}

TEST_CASE("a module rule by name is a pattern, by path the whole module", "[owners]")
{
    auto owners = owners_in_sample({samples::folder + "/*.so=LIB", "mqtt_*=MQTT"});
    CHECK(owners["library_exported"] == "LIB ");
    CHECK(owners["library_hidden"] == "LIB ");
    CHECK(owners["serve"].empty());
    Tables tables(compile_rules(parse_owner_rules({"a=A", "libmodbus.so*=MBUS"}), sample_full, {}));
    REQUIRE(tables.patterns.size() == 1);
    CHECK(std::string(tables.patterns[0].pattern) == "libmodbus.so*");
    CHECK(std::memcmp(&tables.patterns[0].owner, "MBUS", 4) == 0);
    CHECK(tables.patterns[0].priority == 1); // the second rule
}

TEST_CASE("the tables' ranges are sorted and do not overlap", "[owners]")
{
    auto rules = parse_owner_rules({"*::serve=SERV", "*=ALL", "*.cpp=SRC", "*::inner*=INNR"});
    Tables tables(compile_rules(rules, sample_full, {sample_library}));
    REQUIRE(tables.modules.size() == 2);
    for (const auto &module : tables.modules)
        for (uint32_t i = 0; i < module.n_ranges; i++) {
            const auto &range = tables.ranges[module.first_range + i];
            CHECK(range.start < range.end);
            if (i > 0)
                CHECK(tables.ranges[module.first_range + i - 1].end <= range.start);
        }
}

TEST_CASE("what owner rules cannot do is said", "[owners]")
{
    std::vector<std::string> problems;
    // a rule without a match
    compile_rules(parse_owner_rules({"mqtt_*=MQTT", "nowhere_*=NONE", "nofile.c=NONE"}), sample_full, {}, {},
                  &problems);
    REQUIRE(problems.size() == 2);
    CHECK_THAT(problems[0], Catch::Contains("nowhere_*=NONE") && Catch::Contains("function"));
    CHECK_THAT(problems[1], Catch::Contains("nofile.c=NONE") && Catch::Contains("source file"));
    // but a rule whose functions an earlier one has taken is not said to match nothing
    problems.clear();
    compile_rules(parse_owner_rules({"*=ALL", "mqtt_*=MQTT", "sample.cpp=SRC"}), sample_full, {}, {},
                  &problems);
    CHECK(problems == std::vector<std::string>{});
    // a program without a build-id, whose addresses cannot be told from another's
    problems.clear();
    Tables tables(compile_rules(parse_owner_rules({"mqtt_*=MQTT"}), samples::folder + "/sample_no_build_id",
                                {}, {}, &problems));
    CHECK(tables.modules.empty());
    REQUIRE(problems.size() == 1);
    CHECK_THAT(problems[0], Catch::Contains("build-id"));
    // no program at all
    problems.clear();
    compile_rules(parse_owner_rules({"mqtt_*=MQTT"}), "/nonexistent/x", {}, {}, &problems);
    REQUIRE_FALSE(problems.empty());
    CHECK_THAT(problems[0], Catch::Contains("/nonexistent/x"));
}

TEST_CASE("the libraries of a program are what its loader loads", "[owners]")
{
    auto libraries = libraries_of(sample_full);
    auto has = [&](const std::string &part) {
        return std::any_of(libraries.begin(), libraries.end(), [&](const auto &path) {
            return path[0] == '/' && path.find(part) != std::string::npos && std::filesystem::exists(path);
        });
    };
    CHECK(has("/libsample_library.so"));
    CHECK(has("/libc.so"));
    CHECK(has("/ld-linux"));
    CHECK(libraries_of(samples::folder + "/sample_static_pie").empty());
    CHECK(libraries_of("/nonexistent/x").empty());
    CHECK(libraries_of("/dev/null").empty());
    CHECK(libraries_of(samples::folder).empty());
}

TEST_CASE("a loader whose answer has no end is given up", "[owners]")
{
    // given programs whose PT_INTERP, as long as the right one, , is a script that never stops
    samples::Folder folder;
    auto link = [&](const char *name, const char *script) {
        std::string text = "#!/bin/sh\n" + std::string(script) + "\n";
        auto path = folder.path / name;
        std::ofstream(path) << text;
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
        return path.string();
    };
    auto chatty = link("l", "exec yes '	libx.so => /libx.so (0x1)'");
    std::ifstream file(sample_full, std::ios::binary);
    std::string program((std::istreambuf_iterator<char>(file)), {});
    auto at = program.find("/lib64/ld-linux");
    REQUIRE(at != std::string::npos);
    // the name must be absolute and no longer than the right one
    std::string alias = "/tmp/uXXXXXX";
    int fd = mkstemp(alias.data());
    REQUIRE(fd >= 0);
    close(fd);
    std::filesystem::remove(alias);
    std::filesystem::create_symlink(chatty, alias);
    program.replace(at, alias.size() + 1, alias + '\0');
    auto broken = (folder.path / "program").string();
    std::ofstream(broken, std::ios::binary) << program;
    // when, then
    CHECK(libraries_of(broken).empty());
    std::filesystem::remove(alias);
}
