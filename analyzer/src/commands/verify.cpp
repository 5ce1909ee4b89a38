// unpaired verify: proves that no call of a linked firmware escapes the hooks.
#include "commands/commands.h"
#include "commands/option_values.h"
#include "commands/trouble.h"
#include "input/code_references.h"
#include "input/firmware_elf.h"
#include "input/link_map.h"
#include "passes/escape_fixes.h"
#include "passes/escapes.h"
#include "symbols/build_facts.h"
#include "writers/escapes.h"

#include <elf.h>
#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <memory>
#include <set>
#include <unistd.h>

namespace unpaired {
namespace {

struct Options {
    std::string program, map, format = "text";
    std::vector<std::string> allowed;
    bool fix = false;
};

/// Debian's and Arm's names of the toolchains; what is not cross-compiled needs none.
std::string tool_prefix(const FirmwareElf &elf)
{
    switch (elf.machine) {
    case EM_ARM:
        return "arm-none-eabi-";
    case EM_RISCV:
        return "riscv64-unknown-elf-";
    case EM_AARCH64:
        return "aarch64-none-elf-";
    default:
        return "";
    }
}

/// Paths in a map are relative to where the linker ran: often the map's own folder, or one above it.
std::string found_file(const std::string &file, const std::string &map)
{
    std::error_code error;
    if (std::filesystem::path(file).is_absolute() || std::filesystem::exists(file, error))
        return file;
    for (std::filesystem::path folder = std::filesystem::absolute(map, error).parent_path();
         folder.has_relative_path(); folder = folder.parent_path())
        if (std::filesystem::exists(folder / file, error))
            return (folder / file).string();
    return file;
}

class Origins {
public:
    Origins(const Options &options, const FirmwareElf &elf) : map_(options.map), elf_(elf)
    {
        if (!map_.empty())
            sections_ = read_link_map(map_);
    }

    std::string object_at(uint64_t address) const
    {
        const InputSection *section = section_at(sections_, address);
        if (!section)
            return "";
        return section->member.empty() ? section->file
                                       : fmt::format("{}({})", section->file, section->member);
    }

    FunctionOrigin of(const Escape &escape) const
    {
        FunctionOrigin origin;
        const InputSection *section = section_at(sections_, escape.function_address);
        if (!section)
            return origin;
        origin.known = true;
        origin.file = found_file(section->file, map_);
        origin.member = section->member;
        if (const auto exact = find_in_object(origin.file, origin.member, escape.function)) {
            origin.section = exact->section;
            origin.offset = exact->offset;
        } else { // not readable any more: its place in the program tells the same
            const FirmwareSymbol *symbol = elf_.function_at(escape.function_address);
            origin.section = section->name;
            origin.offset = escape.function_address - section->address + (symbol && symbol->thumb ? 1 : 0);
        }
        return origin;
    }

private:
    const std::string map_;
    const FirmwareElf &elf_;
    std::vector<InputSection> sections_;
};

EscapeContext context_of(const FirmwareElf &elf, const BuildFacts &facts, const Origins &origins,
                         const Options &options)
{
    EscapeContext context;
    context.object_at = [&origins](uint64_t address) { return origins.object_at(address); };
    context.allowed_callers = options.allowed;
    context.line_at = [&facts](uint64_t address) {
        SourcePlace place = facts.line_at(address);
        return EscapeContext::Place{std::move(place.file), place.line};
    };
    context.unit_at = [&facts](uint64_t address) {
        BuildUnit unit = facts.unit_at(address);
        return EscapeContext::Unit{std::move(unit.source), unit.lto};
    };
    const std::vector<std::string> followed = followed_functions(elf);
    for (InlinedCopy &copy : facts.inlined_copies({followed.begin(), followed.end()}))
        context.inlined.push_back({std::move(copy.function),
                                   std::move(copy.caller),
                                   copy.address,
                                   {std::move(copy.call.file), copy.call.line},
                                   copy.lto});
    return context;
}

int verify(const Options &options)
{
    const FirmwareElf elf = read_firmware_elf(options.program, {.dictionary = false, .symbols = true});
    if (followed_functions(elf).empty())
        throw Trouble(
            fmt::format("{}: has neither a section .unpaired_dictionary nor a symbol __wrap_*: it was not "
                        "linked with wraplib, or LTO left nothing of it (docs/firmware.md tells how)",
                        options.program));
    const Origins origins(options, elf);
    const BuildFacts facts(options.program);
    const EscapeReport report =
        find_escapes(elf, code_references(elf), context_of(elf, facts, origins, options));
    std::vector<Fix> fixes;
    if (options.fix)
        fixes = fixes_for(
            report.escapes, [&](const Escape &escape) { return origins.of(escape); }, tool_prefix(elf));
    const EscapeText how = {.program = options.program,
                            .colour = isatty(STDOUT_FILENO) == 1,
                            .with_fixes = options.fix,
                            .has_debug_information = facts.has_debug_information()};
    if (options.format == "json")
        write_escapes_json(std::cout, report, fixes, how);
    else
        write_escapes_text(std::cout, report, fixes, how);
    std::cout.flush();
    if (!std::cout)
        throw Trouble("cannot write the result: is the disk full?");
    return report.escapes.empty() ? exit_nothing_found : exit_findings;
}

} // namespace

Action add_verify(CLI::App &app)
{
    auto options = std::make_shared<Options>();
    CLI::App *command = app.add_subcommand(
        "verify", "Prove that every wrapped function of a firmware is really intercepted.");
    command
        ->add_option("FIRMWARE.elf", options->program, "The linked firmware or static program, not stripped.")
        ->required();
    command->add_flag("--fix", options->fix, "Print what to do: objcopy commands, linker flags, advice.");
    command
        ->add_option("--map", options->map,
                     "The linker's map (-Wl,-Map=FILE), so that --fix can name object files.")
        ->option_text("FILE")
        ->check(file_that_is_there());
    command
        ->add_option("--allow", options->allowed,
                     "A caller that may bypass the hooks: a function or, with --map, an object file or "
                     "ARCHIVE(MEMBER); * and ? stand for any characters; repeatable.")
        ->option_text("CALLER")
        ->expected(1)
        ->take_all();
    command->add_option("--format", options->format, "How to print (default: text).")
        ->option_text("text|json")
        ->check(one_of("format", {"text", "json"}));
    command->footer(
        "Looks at every branch, every address that code builds, and every word of data. Where relocations "
        "are\nkept (-Wl,-q) a word that merely looks like an address is no finding.\n\n"
        "Examples:\n"
        "  unpaired verify build/firmware.elf\n"
        "  unpaired verify build/firmware.elf --fix --map build/firmware.map\n"
        "  unpaired verify build/firmware.elf --allow vTaskStartScheduler\n"
        "  unpaired verify static-program --map program.map --allow '*/libc.a(*'\n\n"
        "Exit status: 0 no call escapes, 1 some do, 2 trouble.");
    return [options] { return verify(*options); };
}

} // namespace unpaired
