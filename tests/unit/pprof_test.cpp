#include "sample_reports.h"
#include "writers/gzip.h"
#include "writers/pprof.h"

#include <catch2/catch.hpp>
#include <protozero/pbf_reader.hpp>
#include <zlib.h>

#include <map>
#include <sstream>

using namespace unpaired;

// That other tools read it is checked by tests/scenario/commands/formats.py.
namespace {

std::string unpacked(const std::string &packed)
{
    z_stream stream = {};
    REQUIRE(inflateInit2(&stream, MAX_WBITS + 16) == Z_OK);
    std::string data(1 << 22, '\0');
    stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef *>(data.data());
    stream.avail_out = static_cast<uInt>(data.size());
    const int state = inflate(&stream, Z_FINISH);
    const size_t length = stream.total_out;
    inflateEnd(&stream);
    REQUIRE(state == Z_STREAM_END);
    data.resize(length);
    return data;
}

struct Sample {
    std::vector<std::string> names; ///< innermost first, all lines of a location
    std::vector<int64_t> lines;
    std::vector<int64_t> values;
    std::map<std::string, std::string> labels;
};

struct Mapping {
    std::string file, build_id;
    uint64_t start = 0;
};

struct Profile {
    std::vector<std::string> sample_types;
    std::string default_sample_type;
    std::vector<Sample> samples;
    std::vector<Mapping> mappings;
};

/// Reads with the numbers of fields written down here once more, from the format's description.
Profile read(const Report &report, bool all = false)
{
    WriteOptions options;
    options.all = all;
    std::ostringstream out;
    write_pprof(out, report, options);
    const std::string data = unpacked(out.str());
    std::vector<std::string> strings;
    std::map<uint64_t, std::string> functions;
    std::map<uint64_t, std::vector<std::pair<std::string, int64_t>>> locations;
    for (protozero::pbf_reader profile(data); profile.next();)
        profile.tag() == 6 ? strings.push_back(profile.get_string()) : profile.skip();
    REQUIRE_FALSE(strings.empty());
    REQUIRE(strings[0].empty());
    for (protozero::pbf_reader profile(data); profile.next(5);) {
        uint64_t id = 0, name = 0;
        for (protozero::pbf_reader function = profile.get_message(); function.next();)
            function.tag() == 1   ? void(id = function.get_uint64())
            : function.tag() == 2 ? void(name = function.get_uint64())
                                  : function.skip();
        functions[id] = strings.at(name);
    }
    for (protozero::pbf_reader profile(data); profile.next(4);) {
        uint64_t id = 0;
        std::vector<std::pair<std::string, int64_t>> lines;
        for (protozero::pbf_reader location = profile.get_message(); location.next();) {
            if (location.tag() == 1) {
                id = location.get_uint64();
            } else if (location.tag() == 4) {
                uint64_t function = 0;
                int64_t number = 0;
                for (protozero::pbf_reader line = location.get_message(); line.next();)
                    line.tag() == 1 ? void(function = line.get_uint64()) : void(number = line.get_int64());
                lines.emplace_back(functions.at(function), number);
            } else {
                location.skip();
            }
        }
        locations[id] = lines;
    }
    Profile result;
    for (protozero::pbf_reader profile(data); profile.next();) {
        if (profile.tag() == 1) {
            protozero::pbf_reader type = profile.get_message();
            REQUIRE(type.next(1));
            result.sample_types.push_back(strings.at(type.get_uint64()));
        } else if (profile.tag() == 14) {
            result.default_sample_type = strings.at(profile.get_uint64());
        } else if (profile.tag() == 3) {
            Mapping mapping;
            for (protozero::pbf_reader one = profile.get_message(); one.next();)
                one.tag() == 2   ? void(mapping.start = one.get_uint64())
                : one.tag() == 5 ? void(mapping.file = strings.at(one.get_uint64()))
                : one.tag() == 6 ? void(mapping.build_id = strings.at(one.get_uint64()))
                                 : one.skip();
            result.mappings.push_back(mapping);
        } else if (profile.tag() == 2) {
            Sample sample;
            for (protozero::pbf_reader one = profile.get_message(); one.next();) {
                if (one.tag() == 1) {
                    for (uint64_t id : one.get_packed_uint64())
                        for (const auto &[name, line] : locations.at(id)) {
                            sample.names.push_back(name);
                            sample.lines.push_back(line);
                        }
                } else if (one.tag() == 2) {
                    for (int64_t value : one.get_packed_int64())
                        sample.values.push_back(value);
                } else {
                    std::string key, value;
                    for (protozero::pbf_reader label = one.get_message(); label.next();)
                        label.tag() == 1   ? void(key = strings.at(label.get_uint64()))
                        : label.tag() == 2 ? void(value = strings.at(label.get_uint64()))
                                           : void(value = std::to_string(label.get_int64()));
                    sample.labels[key] = value;
                }
            }
            result.samples.push_back(sample);
        } else {
            profile.skip();
        }
    }
    return result;
}

} // namespace

TEST_CASE("gzip packs nothing, little and much")
{
    for (const size_t size : {size_t{0}, size_t{1}, size_t{3000000}}) {
        std::string data(size, 'x');
        for (size_t i = 0; i < size; i += 7)
            data[i] = static_cast<char>(i * 31);
        CHECK(unpacked(gzipped(data)) == data);
    }
}

TEST_CASE("a pprof sample has objects and bytes, the acquirer innermost, inlined calls in their place")
{
    const Profile profile = read(samples::gateway());

    CHECK(profile.sample_types == std::vector<std::string>{"unpaired_objects", "unpaired_space"});
    CHECK(profile.default_sample_type == "unpaired_space");
    REQUIRE(profile.samples.size() == 4); // nothing is unpaired of what was closed twice
    const Sample &blocks = profile.samples[1];
    CHECK(blocks.values == std::vector<int64_t>{76, 1520});
    CHECK(blocks.names == std::vector<std::string>{"malloc", "platform_memory_alloc",
                                                   "mqtt_msg_handler_create", "mqtt_subscribe", "main",
                                                   "__libc_start_call_main"});
    CHECK(blocks.lines == std::vector<int64_t>{0, 29, 268, 1203, 112, 0});
}

TEST_CASE("pprof labels say whose a sample is")
{
    const Profile profile = read(samples::gateway());

    CHECK(profile.samples[0].labels == std::map<std::string, std::string>{{"program", "gateway"},
                                                                          {"pid", "15949"},
                                                                          {"family", "lwip_socket"},
                                                                          {"owner", "MQTT"},
                                                                          {"rule", "release-failed"},
                                                                          {"severity", "leak"},
                                                                          {"finding", "5c1d20b7a9e3f480"}});
    CHECK(profile.samples[3].labels.at("program") == "worker");
}

TEST_CASE("pprof mappings have the build-ids of the files that code came from")
{
    const Profile profile = read(samples::gateway());

    REQUIRE_FALSE(profile.mappings.empty());
    const Mapping &program = profile.mappings.front(); // readers take the first one for the program
    CHECK(program.file == "/home/ada/gateway/build/gateway");
    CHECK(program.build_id == "8f1e2d3c4b5a69788796a5b4c3d2e1f001122334");
    CHECK(program.start == 0x401000);
}

TEST_CASE("where nothing has bytes, pprof shows objects at first")
{
    Report report = samples::gateway();
    for (ImageReport &image : report.images)
        for (Finding &finding : image.findings)
            finding.bytes = 0;
    CHECK(read(report).default_sample_type == "unpaired_objects");
}

TEST_CASE("pprof has notes and suppressed findings with --all only, and takes hostile names")
{
    CHECK(read(samples::gateway(), true).samples.size() == 6);
    CHECK(read(Report{}).samples.empty());
    CHECK(read(samples::hostile()).samples.size() == 16);
}
