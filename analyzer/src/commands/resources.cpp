// unpaired resources: shows the table, and turns a user's JSON into rows of it.
#include "commands/commands.h"
#include "commands/option_values.h"
#include "commands/resource_table.h"
#include "commands/store_trace.h"
#include "commands/trouble.h"
#include "commands/user_resources.h"
#include "commands/wrap_files.h"
#include "writers/text_words.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <memory>

namespace unpaired {
namespace {

struct Options {
    std::string target, user, output, port = "bare_metal", sink = "none";
    std::vector<std::string> families;
};

constexpr size_t width = 100;

/// `label` and then the names, comma-separated, wrapped and aligned behind it.
void print_names(const std::string &label, const std::vector<std::string> &names)
{
    if (names.empty())
        return;
    const std::string head = fmt::format("    {:<46}", label);
    std::string line = head;
    bool fresh = true;
    for (size_t i = 0; i < names.size(); i++) {
        const std::string word = names[i] + (i + 1 < names.size() ? "," : "");
        if (!fresh && line.size() + 1 + word.size() > width) {
            fmt::print("{}\n", line);
            line = std::string(head.size(), ' ');
            fresh = true;
        }
        line += fresh ? "" : " ";
        line += word;
        fresh = false;
    }
    fmt::print("{}\n", line);
}

std::vector<std::string> names_of(unpaired_role role, std::string_view family, std::string_view space)
{
    std::vector<std::string> names;
    for (const TableFunction &f : resource_table().functions) {
        const bool acquires = f.role == UNPAIRED_ROLE_ACQUIRE || f.role == UNPAIRED_ROLE_MOVE;
        if ((role == UNPAIRED_ROLE_ACQUIRE ? acquires : f.role == role) && f.family == family &&
            f.space == space)
            names.push_back(function_text(std::string(f.name)) +
                            (f.role == UNPAIRED_ROLE_MOVE ? " (moves)" : ""));
    }
    // the sized, aligned and nothrow forms of an operator all read the same
    std::vector<std::string> distinct;
    for (const std::string &name : names)
        if (std::find(distinct.begin(), distinct.end(), name) == distinct.end())
            distinct.push_back(name);
    return distinct;
}

void print_table()
{
    const ResourceTable &table = resource_table();
    size_t functions = 0;
    for (const TableFunction &f : table.functions)
        functions += f.role != UNPAIRED_ROLE_LIFECYCLE;
    fmt::print("{} functions of {} families in {} spaces. A family's handles live in a space;\n"
               "releasers belong to the space and count for the family that acquired.\n",
               functions, table.families.size(), table.spaces.size());
    for (const TableSpace &space : table.spaces) {
        fmt::print("\n{} ({})\n", space.name, space.kind);
        for (const TableFamily &family : table.families)
            if (family.space == space.name)
                print_names(fmt::format("{:<16} {:<25}", family.name, family.display),
                            names_of(UNPAIRED_ROLE_ACQUIRE, family.name, ""));
        print_names("  released by", names_of(UNPAIRED_ROLE_RELEASE, "", space.name));
        print_names("  observed", names_of(UNPAIRED_ROLE_OBSERVE, "", space.name));
    }
    fmt::print("\nfollowed (they acquire nothing)\n");
    print_names("", names_of(UNPAIRED_ROLE_LIFECYCLE, "", ""));
}

std::string shim(const Options &options, const UserResources &resources)
{
    std::string text =
        fmt::format("/* Rows of the resource table, made by `unpaired resources --for {}` from {}.\n",
                    options.target, std::filesystem::path(options.user).filename().string());
    if (options.target == "preload") {
        text += " * Build the recorder with them:\n"
                " *   cmake -S . -B build -DUNPAIRED_USER_RESOURCES=/path/to/this.def && cmake --build build "
                "*/\n";
    } else {
        text += " * Define UNPAIRED_USER_RESOURCES_FILE as this file's name where wraplib is compiled, and "
                "link with\n";
        for (const std::string &function : resources.functions)
            text += fmt::format(" *   -Wl,--wrap={}\n", function);
        text += " */\n";
    }
    return text + resources.rows;
}

/// What a firmware without CMake links: printed, or written into a folder.
int wrap_files(const Options &options)
{
    WrapChoice choice;
    choice.families = options.families;
    choice.port = options.port;
    choice.sink = options.sink;
    if (!options.user.empty()) {
        UserResources declared = user_resources(read_text_file(options.user), options.user);
        choice.user_rows = std::move(declared.rows);
        choice.user_functions = std::move(declared.functions);
    }
    const std::string wraplib = wraplib_folder();
    check_wrap_choice(choice, wraplib);
    if (!options.output.empty() && options.output != "-")
        write_wrap_files(choice, wraplib, options.output);
    else if (!options.user.empty())
        throw Trouble("--user with --families wants -o DIR: its rows go into a file of their own.");
    else
        print_wrap_files(choice, wraplib);
    return 0;
}

int resources(const Options &options)
{
    if (options.target.empty() && options.user.empty() && options.output.empty() &&
        options.families.empty()) {
        print_table();
        return 0;
    }
    if (options.target.empty() && !options.families.empty())
        throw Trouble("--families wants --for wrap too.");
    if (options.target.empty())
        throw Trouble("--user wants --for preload or --for wrap too.");
    if (!options.families.empty()) {
        if (options.target != "wrap")
            throw Trouble("--families are of --for wrap: the preload library follows everything.");
        return wrap_files(options);
    }
    if (options.user.empty())
        throw Trouble(
            "--for wants --user FILE.json, the resources to make rows of, or --families (for wrap).");
    const UserResources declared = user_resources(read_text_file(options.user), options.user);
    const std::string text = shim(options, declared);
    if (options.output.empty() || options.output == "-") {
        fmt::print("{}", text);
        return 0;
    }
    require_writable_place(options.output);
    std::ofstream file(options.output, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    if (!file)
        throw Trouble(fmt::format("cannot write '{}': {}.", options.output, std::strerror(errno)));
    return 0;
}

} // namespace

Action add_resources(CLI::App &app)
{
    auto options = std::make_shared<Options>();
    CLI::App *command =
        app.add_subcommand("resources", "Show what is watched; add your own kinds of resources.");
    command
        ->add_option("--for", options->target, "Write rows for the recorder (preload) or for wraplib (wrap).")
        ->option_text("preload|wrap")
        ->check(one_of("target", {"preload", "wrap"}));
    command->add_option("--user", options->user, "The resources you declare.")->option_text("FILE.json");
    command
        ->add_option(
            "--families", options->families,
            "For wrap: what a firmware follows, as in heap-newlib,lwip,freertos. A wrong name prints "
            "those that are.")
        ->option_text("NAME,...")
        ->delimiter(',')
        ->expected(1)
        ->take_all();
    command->add_option("--port", options->port, "For wrap: a folder of wraplib/ports (default: bare_metal).")
        ->option_text("NAME");
    command
        ->add_option("--sink", options->sink,
                     "For wrap: where a stream goes: uart, rtt, ... (default: none).")
        ->option_text("NAME");
    command
        ->add_option("-o,--output", options->output,
                     "Where the rows go; with --families a folder (default: stdout).")
        ->option_text("FILE|DIR");
    command->footer(
        "Without options the table in force is shown.\n\n"
        "Example: pool.json\n"
        "  { \"spaces\":   [ {\"name\": \"slot\", \"kind\": \"NUMBERED\"} ],\n"
        "    \"families\": [ {\"name\": \"slot\", \"space\": \"slot\", \"display\": \"pool slot\"} ],\n"
        "    \"acquire\":  [ {\"family\": \"slot\", \"type\": \"int\", \"function\": \"pool_take\",\n"
        "                   \"parameters\": [ {\"type\": \"int\", \"name\": \"pool\"} ],\n"
        "                   \"succeeded\": \"ret >= 0\", \"handle\": \"ret\"} ],\n"
        "    \"release\":  [ {\"space\": \"slot\", \"type\": \"void\", \"function\": \"pool_give\",\n"
        "                   \"parameters\": [ {\"type\": \"int\", \"name\": \"slot\"} ], \"handle\": "
        "\"slot\"} ] }\n"
        "  unpaired resources --for preload --user pool.json -o pool.def\n"
        "  cmake -S . -B build -DUNPAIRED_USER_RESOURCES=$PWD/pool.def && cmake --build build\n\n"
        "Example: a firmware built by make (docs/firmware.md)\n"
        "  unpaired resources --for wrap --families heap-newlib,lwip --sink uart -o unpaired\n"
        "  # in the Makefile: include unpaired/unpaired.mk\n"
        "  #                  link $(UNPAIRED_OBJECTS) with $(UNPAIRED_LDFLAGS)\n\n"
        "Exit status: 0 done, 2 trouble.");
    return [options] { return resources(*options); };
}

} // namespace unpaired
