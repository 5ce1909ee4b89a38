#include "input/read_ram.h"

#include "input/block_headers.h"
#include "input/input_error.h"
#include "input/ram_layout.h"
#include "input/ram_tables.h"
#include "input/ram_trace.h"
#include "unpaired/owner_tag.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace unpaired {
namespace {

constexpr const char *root_symbol = "unpaired_ram";
constexpr uint16_t most_sites = UNPAIRED_RAM_NO_SITE - 1;

struct OpenFile {
    std::string path;
    std::shared_ptr<const Bytes> bytes;
    std::optional<uint64_t> base;
    std::vector<uint64_t> roots; ///< offsets
};

OpenFile open_ram(const RamFile &file)
{
    std::error_code error;
    if (std::filesystem::is_directory(file.path, error))
        throw InputError(fmt::format("{}: is a directory; name the memory image in it", file.path));
    OpenFile open{file.path, open_bytes(file.path), file.base, {}};
    if (open.bytes->size() == 0)
        throw InputError(fmt::format("{}: is empty; was the memory really saved?", file.path));
    open.roots = find_roots(*open.bytes);
    return open;
}

MemoryImage memory_of(const std::vector<OpenFile> &files)
{
    MemoryImage memory;
    for (const OpenFile &file : files)
        if (file.base)
            memory.add({*file.base, *file.base + file.bytes->size(), file.bytes, 0, true, false, ""});
    return memory;
}

class RamReader {
public:
    RamReader(const std::vector<RamFile> &files, const FirmwareElf &elf, const RamHints &hints)
        : elf_(elf), hints_(hints)
    {
        for (const RamFile &file : files)
            files_.push_back(open_ram(file));
        if (const FirmwareSymbol *symbol = elf.symbol(root_symbol))
            expected_root_ = symbol->address;
    }

    Remains read()
    {
        begin_trace();
        settle_bases();
        remains_.memory = memory_of(files_);
        if (const auto root = root_address())
            tables_ = read_ram_tables(remains_.memory, *root);
        remains_.address_size = tables_ ? tables_->address_size : elf_.address_size;
        if (tables_)
            check_build();
        headers_ = scan_block_headers(remains_.memory, tables_ ? tables_->site_room : most_sites);
        if (!tables_ && headers_.live.empty())
            throw InputError(nothing_found());
        if (tables_)
            check_headers();
        else
            tell("the image holds no root block (unpaired_ram) that makes sense: blocks were found by their "
                 "headers alone, so owners and sizes are known, call sites and handles are not");
        fill_ram_trace(remains_, elf_, tables_ ? &*tables_ : nullptr, headers_);
        find_ram_roots(remains_, elf_, headers_, hints_.stack_pointer);
        return std::move(remains_);
    }

private:
    void tell(std::string sentence) { remains_.trace.damage.push_back(std::move(sentence)); }

    void begin_trace()
    {
        Trace &trace = remains_.trace;
        trace.path = files_.front().path;
        trace.source = source_ram;
        trace.machine = elf_.machine;
        trace.address_size = elf_.address_size;
        trace.dictionary = elf_.dictionary;
        if (trace.dictionary.spaces.empty()) { // headers can still be read
            tell(fmt::format(
                "{} has no section .unpaired_dictionary (was it stripped?): functions have no names",
                elf_.path));
            trace.dictionary.spaces[1] = {"heap", UNPAIRED_KIND_NUMBERED};
            trace.dictionary.families[1] = {"heap", "heap block", 1};
        }
        Image &image = trace.images[ram_image_id];
        image.id = ram_image_id;
        image.recorded = true;
        image.program = std::filesystem::absolute(elf_.path).lexically_normal().string();
        Module module;
        module.image = ram_image_id;
        module.path = image.program;
        module.build_id = elf_.build_id;
        module.start = UINT64_MAX;
        for (const FirmwareSection &section : elf_.sections)
            if (section.code) {
                module.start = std::min(module.start, section.address);
                module.end = std::max(module.end, section.address + section.size);
            }
        if (module.end != 0)
            trace.modules.push_back(module);
    }

    // ---- where the files belong

    size_t headers_with(const OpenFile &file, uint64_t base) const
    {
        MemoryImage memory;
        memory.add({base, base + file.bytes->size(), file.bytes, 0, true, false, ""});
        return scan_block_headers(memory, most_sites).live.size();
    }

    void settle_bases()
    {
        for (OpenFile &file : files_) {
            if (file.base && expected_root_)
                check_base(file);
            if (!file.base && expected_root_)
                base_from_root(file);
            if (!file.base)
                guess_base(file);
        }
    }

    /// Of several that look like a root the one whose base makes block headers come out right.
    void base_from_root(OpenFile &file)
    {
        size_t best = 0;
        for (uint64_t offset : file.roots) {
            if (offset > *expected_root_)
                continue;
            const uint64_t base = *expected_root_ - offset;
            const size_t headers = headers_with(file, base);
            if (!file.base || headers > best) {
                file.base = base;
                best = headers;
            }
        }
        if (file.base)
            tell(
                fmt::format("{}: its first byte is at {:#x}, told from where its root block stands and where "
                            "{} has unpaired_ram",
                            file.path, *file.base, elf_.path));
    }

    void guess_base(OpenFile &file)
    {
        for (const FirmwareSegment &segment : elf_.segments)
            for (uint64_t mask : {UINT64_C(0), UINT64_C(0xfff), UINT64_C(0xffff), UINT64_C(0xfffff)}) {
                const uint64_t base = segment.address & ~mask;
                if (!segment.writable || headers_with(file, base) == 0)
                    continue;
                file.base = base;
                tell(fmt::format("{}: its first byte is taken to be at {:#x}, where the block headers come "
                                 "out right",
                                 file.path, base));
                return;
            }
        if (files_.size() > 1 || !file.roots.empty())
            throw InputError(fmt::format("{}: where it belongs cannot be told; give its base as {}@ADDRESS",
                                         file.path, file.path));
        throw InputError(nothing_found());
    }

    /// A root block that is not where the ELF file has it: is the base wrong, or the file?
    void check_base(const OpenFile &file) const
    {
        const uint64_t offset = *expected_root_ - *file.base; // wraps to a large one below the base
        if (file.roots.empty() || std::find(file.roots.begin(), file.roots.end(), offset) != file.roots.end())
            return;
        const uint64_t stands = file.roots.front();
        const uint64_t right = *expected_root_ - stands;
        if (stands > *expected_root_ || headers_with(file, *file.base) > headers_with(file, right))
            throw InputError(
                fmt::format("{}: is of another build than {}: its root block is at {:#x}, the ELF file has "
                            "unpaired_ram at {:#x}",
                            file.path, elf_.path, *file.base + stands, *expected_root_));
        throw InputError(fmt::format("{}: the base {:#x} is wrong: it must be {:#x} for the root block to be "
                                     "where {} has unpaired_ram ({:#x}); or leave --base out",
                                     file.path, *file.base, right, elf_.path, *expected_root_));
    }

    std::optional<uint64_t> root_address() const
    {
        for (const OpenFile &file : files_)
            for (uint64_t offset : file.roots)
                if (!expected_root_ || *file.base + offset == *expected_root_)
                    return *file.base + offset;
        return std::nullopt;
    }

    std::string nothing_found() const
    {
        const OpenFile &file = files_.front();
        std::string base = file.base
                               ? fmt::format(", and is {:#x} the address of its first byte?", *file.base)
                               : std::string("?");
        std::string part =
            expected_root_ && file.base && *expected_root_ >= *file.base + file.bytes->size()
                ? fmt::format(" (it ends before unpaired_ram at {:#x}: was it saved whole?)", *expected_root_)
                : std::string();
        return fmt::format(
            "{}: holds neither a root block nor block headers of unpaired{}; is it the RAM of a "
            "device whose firmware was linked with wraplib{}",
            file.path, part, base);
    }

    // ---- whether image and ELF file belong together

    [[noreturn]] void another_build(const std::string &why) const
    {
        throw InputError(
            fmt::format("{}: is of another build than {}: {}; give the ELF file that the device ran",
                        files_.front().path, elf_.path, why));
    }

    void check_build()
    {
        if (tables_->address_size != elf_.address_size)
            another_build(fmt::format("its root block is of a {}-bit machine, the ELF file of a {}-bit one",
                                      tables_->address_size * 8, elf_.address_size * 8));
        if (tables_->build_id != 0 && elf_.build_id_address != 0 &&
            tables_->build_id != elf_.build_id_address)
            another_build(fmt::format("its build-id stands at {:#x}, that of the ELF file at {:#x}",
                                      tables_->build_id, elf_.build_id_address));
        check_build_id_bytes();
        size_t calls = 0, checked = 0;
        for (const RamSite &site : tables_->sites) {
            if (site.words.empty())
                continue;
            checked++;
            if (call_before(elf_, site.words.front().return_address))
                calls++;
        }
        if (calls * 2 < checked)
            another_build(fmt::format("{} of its {} call sites are not behind a call instruction there",
                                      checked - calls, checked));
        if (calls < checked)
            tell(fmt::format("{} of {} call sites are not behind a call instruction of {}", checked - calls,
                             checked, elf_.path));
    }

    /// Where the image holds the build-id itself (code that runs from RAM), its bytes decide.
    void check_build_id_bytes() const
    {
        if (tables_->build_id == 0 || elf_.build_id.empty())
            return;
        constexpr size_t note_header = 16; // Elf32_Nhdr and "GNU\0"
        std::vector<uint8_t> id(elf_.build_id.size() / 2);
        if (remains_.memory.copy(tables_->build_id + note_header, id.data(), id.size()) < id.size())
            return;
        std::string text;
        for (uint8_t byte : id)
            text += fmt::format("{:02x}", byte);
        if (text != elf_.build_id)
            another_build(fmt::format("its build-id is {}, that of the ELF file {}", text, elf_.build_id));
    }

    /// The site table counts the live blocks too: they must be there.
    void check_headers()
    {
        uint64_t counted = 0, handles = 0;
        for (const RamSite &site : tables_->sites)
            counted += site.live;
        for (const RamHandle &handle : tables_->handles)
            handles += handle.site != UNPAIRED_RAM_NO_SITE ? 1 : 0;
        counted -= std::min(counted, handles);
        const auto found =
            static_cast<uint64_t>(std::count_if(headers_.live.begin(), headers_.live.end(),
                                                [](const HeaderedBlock &block) { return block.site != 0; }));
        if (counted > 0 && headers_.live.empty())
            another_build(fmt::format(
                "the root block counts {} live blocks, and none is where its header would say so", counted));
        if (counted > found)
            tell(
                fmt::format("the root block counts {} live blocks, {} were found: the others lie outside the "
                            "image, or their headers were overwritten",
                            counted, found));
    }

    const FirmwareElf &elf_;
    const RamHints hints_;
    std::vector<OpenFile> files_;
    std::optional<uint64_t> expected_root_;
    Remains remains_;
    std::optional<RamTables> tables_;
    BlockHeaders headers_;
};

} // namespace

Remains read_ram(const std::vector<RamFile> &files, const FirmwareElf &elf, const RamHints &hints)
{
    return RamReader(files, elf, hints).read();
}

} // namespace unpaired
