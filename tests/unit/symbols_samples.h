// What the sample programs of symbols_samples/ say about themselves.
#pragma once

#include "symbols/symbolizer.h"

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <string>

namespace samples {

inline const std::string folder = UNPAIRED_SYMBOLS_SAMPLES;

/// One where() call: its return address, the bias of its module, and the line it stands in.
struct Place {
    uint64_t address = 0, bias = 0;
    int line = 0;
};

/// Runs a command of fixed words (paths of the build tree) and gives its standard output.
inline std::string output_of(const std::string &command)
{
    std::unique_ptr<FILE, int (*)(FILE *)> pipe(popen(command.c_str(), "r"), pclose);
    REQUIRE(pipe);
    std::string output;
    std::array<char, 4096> buffer;
    while (size_t length = fread(buffer.data(), 1, buffer.size(), pipe.get()))
        output.append(buffer.data(), length);
    REQUIRE(pclose(pipe.release()) == 0);
    return output;
}

/// Runs the sample and gives its places by label.
inline std::map<std::string, Place> places_of(const std::string &name)
{
    std::istringstream lines(output_of("'" + folder + "/" + name + "'"));
    std::map<std::string, Place> places;
    std::string label;
    Place place;
    while (lines >> label >> std::hex >> place.address >> place.bias >> std::dec >> place.line)
        places[label] = place;
    REQUIRE(places.count("serve") == 1);
    return places;
}

/// The module as a trace would name it.
inline unpaired::ModuleRef module_of(const std::string &path, const Place &place, std::string build_id = "")
{
    unpaired::ModuleRef module;
    module.path = path;
    module.build_id = std::move(build_id);
    module.bias = place.bias;
    return module;
}

/// The build-id as readelf prints it: from another reader than the one under test.
inline std::string build_id_of(const std::string &path)
{
    auto text = output_of("readelf -n '" + path + "'");
    auto at = text.find("Build ID: ");
    REQUIRE(at != std::string::npos);
    return text.substr(at + 10, text.find('\n', at) - at - 10);
}

/// A folder of its own, removed at the end.
struct Folder {
    std::filesystem::path path;
    Folder()
    {
        std::string name = (std::filesystem::temp_directory_path() / "unpaired-symbols-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()));
        path = name;
    }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;
};

} // namespace samples
