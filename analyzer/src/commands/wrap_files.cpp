#include "commands/wrap_files.h"

#include "commands/trouble.h"
#include "commands/wrap_families.h"
#include "near_names.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <string_view>
#include <utility>

namespace unpaired {
namespace {

namespace fs = std::filesystem;

/// The C sources of a folder, sorted; empty if there is no such folder.
std::vector<std::string> sources_in(const fs::path &folder)
{
    std::vector<std::string> sources;
    std::error_code error;
    for (const auto &entry : fs::directory_iterator(folder, error))
        if (entry.path().extension() == ".c")
            sources.push_back(entry.path().string());
    std::sort(sources.begin(), sources.end());
    return sources;
}

std::vector<std::string> known_ports(const fs::path &wraplib)
{
    std::vector<std::string> ports;
    std::error_code error;
    for (const auto &entry : fs::directory_iterator(wraplib / "ports", error))
        if (entry.is_directory(error) && entry.path().filename() != "sinks")
            ports.push_back(entry.path().filename().string());
    std::sort(ports.begin(), ports.end());
    return ports;
}

std::vector<std::string> known_sinks(const fs::path &wraplib)
{
    std::vector<std::string> sinks = {"none"};
    for (const std::string &source : sources_in(wraplib / "ports/sinks"))
        sinks.push_back(fs::path(source).stem().string());
    return sinks;
}

std::vector<std::string> sources_of(const WrapChoice &choice, const fs::path &wraplib)
{
    std::vector<std::string> sources = sources_in(wraplib / "src");
    for (std::string &source : sources_in(wraplib / "ports" / choice.port))
        sources.push_back(std::move(source));
    if (choice.sink != "none")
        sources.push_back((wraplib / "ports/sinks" / (choice.sink + ".c")).string());
    return sources;
}

std::vector<std::string> definitions_of(const WrapChoice &choice)
{
    std::vector<std::string> definitions;
    for (const std::string &name : choice.families)
        definitions.emplace_back(find_wrap_family(name)->definition);
    return definitions;
}

/// Settings without which the sink would have nothing to send; whoever compiles may have others.
std::vector<std::pair<std::string_view, int>> settings_of(const WrapChoice &choice)
{
    if (choice.sink == "none")
        return {};
    return {{"UNPAIRED_RING", choice.port == "posix" ? 4096 : 64}, {"UNPAIRED_SEND_AT_ONCE", 1}};
}

std::vector<std::string> linker_lines(const WrapChoice &choice)
{
    std::vector<std::string> lines;
    const auto add = [&lines](std::string_view function) {
        std::string line = fmt::format("--wrap={}", function);
        if (std::find(lines.begin(), lines.end(), line) == lines.end())
            lines.push_back(std::move(line));
    };
    for (const std::string &name : choice.families)
        for (const std::string_view function : find_wrap_family(name)->functions)
            add(function);
    for (const std::string &function : choice.user_functions)
        add(function);
    return lines;
}

void write_file(const fs::path &path, const std::string &text)
{
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    if (!file)
        throw Trouble(fmt::format("cannot write '{}': {}.", path.string(), std::strerror(errno)));
}

template <class List> void require_known(const char *what, const std::string &name, const List &known)
{
    if (std::find(known.begin(), known.end(), name) == known.end())
        throw Trouble(
            no_such(what, name, {known.begin(), known.end()}, "unpaired resources --help names some"));
}

/// make takes no blanks in names.
void require_plain(const std::string &path)
{
    if (path.find_first_of(" \t#$%:\"'\\") != std::string::npos)
        throw Trouble(
            fmt::format("'{}' has characters that make does not take; choose another folder.", path));
}

std::string make_text(const WrapChoice &choice, const fs::path &wraplib, const fs::path &folder)
{
    std::string text = "# Made by `unpaired resources --for wrap`. Include it, link $(UNPAIRED_OBJECTS) with "
                       "$(UNPAIRED_LDFLAGS), and\n# compile sources that include <unpaired/unpaired.h> with "
                       "$(UNPAIRED_CPPFLAGS).\n";
    std::vector<std::string> objects, folders;
    std::string rules;
    for (const std::string &source : sources_of(choice, wraplib)) {
        const fs::path path(source);
        const std::string object =
            (folder / path.stem()).string() + "_" + path.parent_path().filename().string() + ".o";
        objects.push_back(object);
        rules +=
            fmt::format("{0}: {1} {2}/unpaired_config.h\n\t$(CC) $(CPPFLAGS) $(CFLAGS) $(UNPAIRED_CPPFLAGS) "
                        "-fno-lto -std=gnu99 -c {1} -o $@\n",
                        object, source, folder.string());
    }
    text += fmt::format("UNPAIRED_CPPFLAGS = -I{}/include -DUNPAIRED_LINKED "
                        "-DUNPAIRED_CONFIG_FILE='\"{}/unpaired_config.h\"'\n",
                        wraplib.string(), folder.string());
    text += fmt::format("UNPAIRED_LDFLAGS = -Wl,@{}/unpaired_wrap.rsp\n", folder.string());
    text += fmt::format("UNPAIRED_OBJECTS = \\\n    {}\n\n", fmt::join(objects, " \\\n    "));
    return text + rules;
}

} // namespace

std::string wraplib_folder()
{
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    const fs::path folder = program.parent_path().parent_path() / "share/unpaired/wraplib";
    if (!fs::is_directory(folder / "src", error))
        throw Trouble(fmt::format("wraplib is not at '{}', where it is installed.", folder.string()));
    return fs::canonical(folder, error).string();
}

void check_wrap_choice(const WrapChoice &choice, const std::string &wraplib)
{
    std::vector<std::string> known;
    for (const WrapFamily &family : wrap_families())
        known.emplace_back(family.name);
    for (const std::string &name : choice.families)
        if (!find_wrap_family(name)) // "heap" too: nobody here knows the C library
            require_known("family", name, known);
    require_known("port", choice.port, known_ports(wraplib));
    require_known("sink", choice.sink, known_sinks(wraplib));
}

void write_wrap_files(const WrapChoice &choice, const std::string &wraplib, const std::string &folder_name)
{
    std::error_code error;
    fs::create_directories(folder_name, error);
    const fs::path folder = fs::canonical(folder_name, error);
    if (error)
        throw Trouble(fmt::format("cannot make the folder '{}': {}.", folder_name, error.message()));
    require_plain(folder.string());
    require_plain(wraplib);
    std::string config = "/* Made by `unpaired resources --for wrap`. */\n";
    for (const std::string &definition : definitions_of(choice))
        config += fmt::format("#define {}\n", definition);
    for (const auto &[name, value] : settings_of(choice))
        config += fmt::format("#ifndef {0}\n#define {0} {1}\n#endif\n", name, value);
    if (!choice.user_rows.empty()) {
        write_file(folder / "unpaired_user.def", choice.user_rows);
        config +=
            fmt::format("#define UNPAIRED_USER_RESOURCES_FILE \"{}/unpaired_user.def\"\n", folder.string());
    }
    fs::copy_file(fs::path(wraplib) / "cmake/unpaired_build_id.ld", folder / "unpaired_build_id.ld",
                  fs::copy_options::overwrite_existing, error);
    if (error)
        throw Trouble(
            fmt::format("cannot write '{}/unpaired_build_id.ld': {}.", folder.string(), error.message()));
    write_file(folder / "unpaired_wrap.rsp",
               fmt::format("{}\n--build-id\n-T {}/unpaired_build_id.ld\n",
                           fmt::join(linker_lines(choice), "\n"), folder.string()));
    write_file(folder / "unpaired_config.h", config);
    write_file(folder / "unpaired.mk", make_text(choice, wraplib, folder));
}

void print_wrap_files(const WrapChoice &choice, const std::string &wraplib)
{
    fmt::print(
        "# For the linker: into a file for -Wl,@FILE.\n{}\n--build-id\n-T {}/cmake/unpaired_build_id.ld\n\n",
        fmt::join(linker_lines(choice), "\n"), wraplib);
    fmt::print("# For the compiler, with -fno-lto.\n-I{}/include\n-DUNPAIRED_LINKED\n", wraplib);
    for (const std::string &definition : definitions_of(choice))
        fmt::print("-D{}\n", definition);
    for (const auto &[name, value] : settings_of(choice))
        fmt::print("-D{}={}\n", name, value);
    fmt::print("\n# To compile and link.\n{}\n", fmt::join(sources_of(choice, wraplib), "\n"));
}

} // namespace unpaired
