#include "symbols/symbolizer.h"

#include "symbols_samples.h"

#include <algorithm>

using namespace unpaired;
using samples::module_of;
using samples::places_of;

namespace {

const std::string sample_full = samples::folder + "/sample_full";

/// The three frames at "inner": two calls inlined into app::Server::serve.
void check_inlined_chain(const std::vector<Frame> &frames,
                         const std::map<std::string, samples::Place> &places)
{
    REQUIRE(frames.size() == 3);
    CHECK(frames[0].function == "long app::Server::inner<long>(long)");
    CHECK(frames[1].function == "app::Server::middle(long)");
    CHECK(frames[2].function == "app::Server::serve(int)");
    CHECK(frames[0].line == places.at("inner").line);
    CHECK(frames[1].line == places.at("middle").line);
    CHECK(frames[2].line == places.at("serve").line);
    CHECK(frames[0].inlined);
    CHECK(frames[1].inlined);
    CHECK_FALSE(frames[2].inlined);
    for (const auto &frame : frames) {
        CHECK(frame.file.text()[0] == '/');
        CHECK(std::filesystem::path(frame.file.text()).filename() == "sample.cpp");
    }
}

} // namespace

TEST_CASE("an address gives its inlined calls, innermost first, each with its own line", "[symbols]")
{
    // given a program with debug information of each kind that compilers and distributions make
    auto name = GENERATE(as<std::string>(), "sample_full", "sample_no_pie", "sample_static_pie",
                         "sample_dwarf4", "sample_split", "sample_no_aranges", "sample_no_build_id");
    CAPTURE(name);
    auto places = places_of(name);
    const auto &place = places.at("inner");
    // when the call is resolved (a return address minus one lies in the call)
    Symbolizer symbolizer({});
    auto frames = symbolizer.resolve(module_of(samples::folder + "/" + name, place), place.address - 1);
    // then
    check_inlined_chain(frames, places);
    for (const auto &frame : frames) {
        CHECK(frame.module == samples::folder + "/" + name);
        CHECK(frame.address == place.address - 1);
    }
    CHECK(symbolizer.problems().empty());
}

TEST_CASE("a call inlined from a header names the header, its caller the source file", "[symbols]")
{
    auto places = places_of("sample_full");
    Symbolizer symbolizer({});
    auto frames = symbolizer.resolve(module_of(sample_full, places.at("from_header")),
                                     places.at("from_header").address - 1);
    REQUIRE(frames.size() == 2);
    CHECK(std::filesystem::path(frames[0].file.text()).filename() == "sample_inline.h");
    CHECK(frames[0].line == places.at("from_header").line);
    CHECK(frames[1].function == "app::(anonymous namespace)::unnamed(int)");
    CHECK(std::filesystem::path(frames[1].file.text()).filename() == "sample.cpp");
    CHECK(frames[1].line == places.at("unnamed").line);
}

TEST_CASE("a C function has its plain name, in a library too", "[symbols]")
{
    auto places = places_of("sample_full");
    Symbolizer symbolizer({});
    auto name = GENERATE(as<std::string>(), "library_exported", "library_hidden");
    const auto &place = places.at(name);
    auto frames =
        symbolizer.resolve(module_of(samples::folder + "/libsample_library.so", place), place.address - 1);
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].function == name);
    CHECK(frames[0].line == place.line);
}

TEST_CASE("separate debug information is found in a debug path by its debuglink", "[symbols]")
{
    auto name = GENERATE(as<std::string>(), "sample_stripped", "sample_linked_by_name");
    auto places = places_of(name);
    const auto &place = places.at("inner");
    auto module = module_of(samples::folder + "/" + name, place);
    // given no debug path, then there is no name
    Symbolizer without({});
    auto bare = without.resolve(module, place.address - 1);
    REQUIRE(bare.size() == 1);
    CHECK(bare[0].function.empty());
    CHECK(without.problems().empty()); // stripped is no trouble
    // given the path, then all is there
    SymbolOptions options;
    options.debug_paths = {samples::folder + "/debug"};
    Symbolizer with(options);
    check_inlined_chain(with.resolve(module, place.address - 1), places);
}

TEST_CASE("separate debug information is found by build-id, even where the program itself is gone",
          "[symbols]")
{
    // given a debug directory that knows the build-id
    auto places = places_of("sample_stripped");
    auto build_id = samples::build_id_of(sample_full);
    samples::Folder debug;
    auto folder = debug.path / ".build-id" / build_id.substr(0, 2);
    std::filesystem::create_directories(folder);
    std::filesystem::copy_file(samples::folder + "/debug/sample_full.debug",
                               folder / (build_id.substr(2) + ".debug"));
    SymbolOptions options;
    options.debug_paths = {debug.path.string()};
    const auto &place = places.at("inner");
    // when the program is there, deleted, or replaced by another
    auto path = GENERATE(as<std::string>(), samples::folder + "/sample_stripped", "/nonexistent/sample",
                         samples::folder + "/sample_stripped (deleted)", "/bin/true");
    CAPTURE(path);
    Symbolizer symbolizer(options);
    auto frames = symbolizer.resolve(module_of(path, place, build_id), place.address - 1);
    // then
    check_inlined_chain(frames, places);
    CHECK(frames[0].module == path);
    CHECK(symbolizer.problems().empty());
}

TEST_CASE("a symbol table alone gives the physical function without a line", "[symbols]")
{
    auto places = places_of("sample_symbols_only");
    const auto &place = places.at("inner");
    Symbolizer symbolizer({});
    auto frames =
        symbolizer.resolve(module_of(samples::folder + "/sample_symbols_only", place), place.address - 1);
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].function == "app::Server::serve(int)"); // without .isra and the like
    CHECK(frames[0].file.empty());
    CHECK(frames[0].line == 0);
}

TEST_CASE("a stripped library still names what it exports, and invents no name for what it hides",
          "[symbols]")
{
    auto places = places_of("sample_full");
    auto path = samples::folder + "/stripped/libsample_library.so";
    Symbolizer symbolizer({});
    const auto &exported = places.at("library_exported");
    const auto &hidden = places.at("library_hidden");
    CHECK(symbolizer.resolve(module_of(path, exported), exported.address - 1)[0].function ==
          "library_exported");
    CHECK(symbolizer.resolve(module_of(path, hidden), hidden.address - 1)[0].function.empty());
}

TEST_CASE("a file with another build-id than the recorded one is not believed, and said once", "[symbols]")
{
    auto places = places_of("sample_full");
    const auto &place = places.at("inner");
    Symbolizer symbolizer({});
    auto module = module_of(sample_full, place, "00112233445566778899aabbccddeeff00112233");
    for (const auto *label : {"inner", "serve"}) {
        auto frames = symbolizer.resolve(module, places.at(label).address - 1);
        REQUIRE(frames.size() == 1);
        CHECK(frames[0].function.empty());
        CHECK(frames[0].module == sample_full);
        CHECK(frames[0].address == places.at(label).address - 1);
    }
    REQUIRE(symbolizer.problems().size() == 1);
    CHECK_THAT(symbolizer.problems()[0], Catch::Contains(sample_full) && Catch::Contains("00112233") &&
                                             Catch::Contains(samples::build_id_of(sample_full)));
}

TEST_CASE("the right build-id is believed", "[symbols]")
{
    auto places = places_of("sample_full");
    const auto &place = places.at("inner");
    Symbolizer symbolizer({});
    check_inlined_chain(symbolizer.resolve(module_of(sample_full, place, samples::build_id_of(sample_full)),
                                           place.address - 1),
                        places);
}

TEST_CASE("a missing module is one problem; what is no file at all is none", "[symbols]")
{
    Symbolizer symbolizer({});
    for (std::string path : {"", "[vdso]", "linux-vdso.so.1", "//anon", "/memfd:jit (deleted)", "[heap]"}) {
        CAPTURE(path);
        auto frames = symbolizer.resolve(module_of(path, {}), 0x1234);
        REQUIRE(frames.size() == 1);
        CHECK(frames[0] == Frame{"", "", 0, path, 0x1234, false});
    }
    CHECK(symbolizer.problems().empty());
    symbolizer.resolve(module_of("/nonexistent/libx.so", {}), 0x1234);
    symbolizer.resolve(module_of("/nonexistent/libx.so", {}), 0x2345);
    REQUIRE(symbolizer.problems().size() == 1);
    CHECK_THAT(symbolizer.problems()[0], Catch::Contains("/nonexistent/libx.so"));
}

TEST_CASE("files that are no ELF files are problems, not crashes, and a FIFO does not block", "[symbols]")
{
    samples::Folder folder;
    auto text = (folder.path / "text").string(), fifo = (folder.path / "fifo").string();
    FILE *file = fopen(text.c_str(), "w");
    REQUIRE(file);
    fputs("#!/bin/sh\n", file);
    fclose(file);
    samples::output_of("mkfifo '" + fifo + "'");
    Symbolizer symbolizer({});
    for (const auto &path : {text, fifo, std::string("/dev/null"), folder.path.string()})
        CHECK(symbolizer.resolve(module_of(path, {}), 0x1234).size() == 1);
    CHECK(symbolizer.problems().size() == 4);
}

TEST_CASE("a truncated program gives what is left of it, without a crash", "[symbols]")
{
    // given the sample cut at every sixteenth of its length
    auto places = places_of("sample_full");
    auto size = std::filesystem::file_size(sample_full);
    samples::Folder folder;
    for (unsigned part = 1; part < 16; part++) {
        auto path = (folder.path / ("cut" + std::to_string(part))).string();
        std::filesystem::copy_file(sample_full, path);
        std::filesystem::resize_file(path, size * part / 16);
        Symbolizer symbolizer({});
        for (const auto &[label, place] : places)
            CHECK_FALSE(symbolizer.resolve(module_of(path, place), place.address - 1).empty());
    }
}

TEST_CASE("with a sysroot the modules are looked for below it", "[symbols]")
{
    auto places = places_of("sample_full");
    const auto &place = places.at("inner");
    samples::Folder root;
    std::filesystem::create_directories(root.path / "opt/vendor");
    std::filesystem::copy_file(sample_full, root.path / "opt/vendor/server");
    SymbolOptions options;
    options.sysroot = root.path.string();
    Symbolizer symbolizer(options);
    auto frames = symbolizer.resolve(module_of("/opt/vendor/server", place), place.address - 1);
    check_inlined_chain(frames, places);
    CHECK(frames[0].module == "/opt/vendor/server");
    // a file outside the sysroot counts only if its build-id proves it
    auto outside = symbolizer.resolve(module_of(sample_full, place), place.address - 1);
    CHECK(outside[0].function.empty());
    check_inlined_chain(symbolizer.resolve(module_of(sample_full, place, samples::build_id_of(sample_full)),
                                           place.address - 1),
                        places);
}

TEST_CASE("an address below its module's bias has no name", "[symbols]")
{
    auto places = places_of("sample_full");
    const auto &place = places.at("inner");
    Symbolizer symbolizer({});
    auto frames = symbolizer.resolve(module_of(sample_full, place), place.bias - 1);
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].function.empty());
}

TEST_CASE("debug information shared by dwz is followed, and missed aloud", "[symbols]")
{
#ifdef UNPAIRED_DWZ_SAMPLES
    auto places = places_of("sample_dwarf4");
    const auto &place = places.at("inner");
    auto path = samples::folder + "/dwz/sample_dwarf4";
    REQUIRE_THAT(samples::output_of("readelf -SW '" + path + "'"), Catch::Contains(".gnu_debugaltlink"));
    Symbolizer complete({});
    check_inlined_chain(complete.resolve(module_of(path, place), place.address - 1), places);
    CHECK(complete.problems().empty());
    // given a copy without its shared file, then what it has itself is still there
    samples::Folder folder;
    auto alone = (folder.path / "sample_dwarf4").string();
    std::filesystem::copy_file(path, alone);
    Symbolizer partial({});
    auto frames = partial.resolve(module_of(alone, place), place.address - 1);
    REQUIRE(frames.size() == 3);
    CHECK(frames[0].line == place.line);
    REQUIRE(partial.problems().size() == 1);
    CHECK_THAT(partial.problems()[0], Catch::Contains("dwz") && Catch::Contains(alone));
#else
    WARN("not tested: dwz was not installed when the build was configured (apt-get install dwz)");
#endif
}
