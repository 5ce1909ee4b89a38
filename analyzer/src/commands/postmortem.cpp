// unpaired postmortem: what a dead device or process left in its memory.
#include "commands/commands.h"
#include "commands/make_report.h"
#include "commands/option_values.h"
#include "commands/report_options.h"
#include "commands/trouble.h"
#include "input/input_error.h"
#include "input/read_core.h"
#include "input/read_ram.h"
#include "passes/reach.h"

#include <charconv>
#include <filesystem>
#include <fmt/format.h>
#include <memory>

namespace unpaired {
namespace {

struct Options {
    std::vector<std::string> images;
    std::string elf, trace, base, stack_pointer;
    ReportOptions report;
};

std::optional<uint64_t> parse_address(std::string_view text)
{
    int radix = 10;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        text.remove_prefix(2);
        radix = 16;
    }
    uint64_t address = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), address, radix);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    return address;
}

std::string address_check(const std::string &text)
{
    return parse_address(text) ? "" : fmt::format("'{}' is no address such as 0x20000000", text);
}

/// IMAGE or IMAGE@ADDRESS; an '@' that no address follows belongs to the name.
RamFile parse_image(const std::string &text)
{
    const size_t at = text.rfind('@');
    if (at != std::string::npos)
        if (const auto base = parse_address(std::string_view(text).substr(at + 1)))
            return {text.substr(0, at), base};
    return {text, std::nullopt};
}

Remains read_ram_images(std::vector<RamFile> files, const Options &options)
{
    if (options.elf.empty())
        throw Trouble(
            fmt::format("{}: a RAM image needs the ELF file that the device ran: --elf FIRMWARE.elf.",
                        files.front().path));
    if (!options.trace.empty())
        throw Trouble("--trace goes with a core of a process; a RAM image has its tables in itself.");
    if (!options.base.empty()) {
        if (files.size() > 1)
            throw Trouble("--base goes with one image; give several as FILE@ADDRESS.");
        if (files.front().base && files.front().base != parse_address(options.base))
            throw Trouble(fmt::format("{}: its base is given twice, {:#x} and {}.", files.front().path,
                                      *files.front().base, options.base));
        files.front().base = parse_address(options.base);
    }
    RamHints hints;
    if (!options.stack_pointer.empty())
        hints.stack_pointer = parse_address(options.stack_pointer);
    return read_ram(files, read_firmware_elf(options.elf, {.dictionary = false, .symbols = false}), hints);
}

Remains read_core_file(const std::vector<RamFile> &files, const Options &options)
{
    if (files.size() > 1)
        throw Trouble("one core at a time.");
    if (!options.base.empty() || files.front().base || !options.stack_pointer.empty())
        throw Trouble(fmt::format("{}: a core tells its addresses itself: leave --base and --sp out.",
                                  files.front().path));
    return read_core(files.front().path, {options.elf, options.trace, options.report.symbols.sysroot});
}

int postmortem(const Options &options)
{
    const ReportFiles report_files = check_report_options(options.report);
    std::vector<RamFile> files;
    for (const std::string &image : options.images)
        files.push_back(parse_image(image));
    Remains remains =
        is_core(files.front().path) ? read_core_file(files, options) : read_ram_images(files, options);
    tell_reach(remains);
    const Report report = make_report({remains.trace}, options.report, report_files);
    write_report(report, options.report);
    return has_findings(report, options.report) ? exit_findings : exit_nothing_found;
}

} // namespace

Action add_postmortem(CLI::App &app)
{
    auto options = std::make_shared<Options>();
    CLI::App *command = app.add_subcommand(
        "postmortem", "What is left of a dead device or process: a RAM image, or an ELF core.");
    command
        ->add_option("IMAGE", options->images,
                     "A core of a process that was recorded, or the RAM of a device: one file, or several as "
                     "FILE@ADDRESS.")
        ->required()
        ->option_text("IMAGE...");
    const std::string group = "What goes with the memory";
    command
        ->add_option("--elf", options->elf, "The program that ran. RAM images need it; a core names its own.")
        ->option_text("FILE")
        ->check(file_that_is_there())
        ->group(group);
    command
        ->add_option("--base", options->base,
                     "Address of a RAM image's first byte. Told from the root block where it is left out.")
        ->option_text("ADDR")
        ->check(CLI::Validator(address_check, "", "address"))
        ->group(group);
    command
        ->add_option("--sp", options->stack_pointer,
                     "Stack pointer of a device when it died: what lies below it on the stack holds nothing.")
        ->option_text("ADDR")
        ->check(CLI::Validator(address_check, "", "address"))
        ->group(group);
    command
        ->add_option(
            "--trace", options->trace,
            "The trace of a core's process: whole stacks, descriptors and locks too. Without it the only "
            "trace of that process beside the core is taken.")
        ->option_text("FILE")
        ->check(file_that_is_there())
        ->group(group);
    add_report_options(*command, options->report);
    command->footer(
        formats_help() +
        "Examples:\n"
        "  unpaired postmortem ram.bin --elf firmware.elf\n"
        "  unpaired postmortem ram.bin --elf firmware.elf --base 0x20000000 --sp 0x2000fe40\n"
        "  unpaired postmortem sram1.bin@0x20000000 ccm.bin@0x10000000 --elf firmware.elf --format=json\n"
        "  unpaired postmortem core.4711 --trace unpaired.server.4711.trace\n\n"
        "Exit status: 0 nothing found, 1 findings (see --fail-on), 2 trouble.");
    return [options] { return postmortem(*options); };
}

} // namespace unpaired
