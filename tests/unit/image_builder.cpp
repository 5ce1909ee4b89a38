#include "image_builder.h"

#include "unpaired/owner_tag.h"

#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <stdexcept>

namespace unpaired::test {
namespace {

constexpr const char *dictionary = "unpaired 1\n"
                                   "S heap NUMBERED\n"
                                   "S lwip_socket NUMBERED\n"
                                   "F heap heap heap block\n"
                                   "F lwip_socket lwip_socket lwIP socket\n"
                                   "A malloc heap\n"
                                   "A lwip_socket lwip_socket\n"
                                   "R free heap\n"
                                   "R lwip_close lwip_socket\n"
                                   "O lwip_shutdown lwip_socket\n";
constexpr uint64_t text_size = 0x4000, tables_size = 0x2000;

template <class Value> void put(std::vector<uint8_t> &to, uint64_t offset, const Value &value)
{
    std::memcpy(&to.at(offset + sizeof value - 1) - (sizeof value - 1), &value, sizeof value);
}

FirmwareSection section(const std::string &name, uint64_t address, uint64_t size, bool code)
{
    FirmwareSection result;
    result.name = name;
    result.address = address;
    result.size = size;
    result.code = code;
    result.writable = !code;
    return result;
}

FirmwareSymbol symbol(const std::string &name, uint64_t address, uint64_t size)
{
    FirmwareSymbol result;
    result.name = name;
    result.address = address;
    result.size = size;
    result.global = true;
    return result;
}

} // namespace

ImageBuilder::ImageBuilder() : ram_(size)
{
    elf.path = "/firmware/fw.elf";
    elf.machine = EM_ARM;
    elf.build_id = "00112233";
    elf.build_id_address = build_id_note;
    // wherever one looks in .text stands a BL: high halfword first
    std::vector<uint8_t> code(text_size);
    for (size_t i = 0; i < code.size(); i += 4)
        put(code, i, uint32_t{0xf800f000});
    elf.file = std::make_shared<const std::vector<uint8_t>>(std::move(code));
    FirmwareSection text_section = section(".text", text, text_size, true);
    text_section.bytes = *elf.file;
    elf.sections = {text_section, section(".bss", base, heap - base, false)};
    elf.objects = {symbol("g_state", state, 256), symbol("worker_stack", worker_stack, 1024),
                   symbol("unpaired_ram", root, tables_size)};
    elf.labels = {symbol("end", heap, 0), symbol("__StackLimit", main_stack, 0),
                  symbol("__StackTop", ram_end, 0)};
    read_dictionary_lines(dictionary, elf);

    std::memcpy(root_.magic, UNPAIRED_RAM_MAGIC, sizeof root_.magic);
    root_.version = UNPAIRED_RAM_VERSION;
    root_.size = sizeof root_;
    root_.layout = {4, 1, UNPAIRED_FRAME_OFFSET_BITS_32, 2, 64, 16, 8, 8, 0x80, 0x800, 0xa00, 0xc00};
    root_.marks_stride = 1;
    root_.text_low = text;
    root_.text_high = text + text_size;
    root_.build_id = build_id_note;
}

uint8_t ImageBuilder::function_id(const std::string &name) const
{
    for (const auto &[id, function] : elf.dictionary.functions)
        if (function.name == name)
            return static_cast<uint8_t>(id);
    throw std::logic_error("no such function in the tests: " + name);
}

uint8_t ImageBuilder::space_id(const std::string &name) const
{
    for (const auto &[id, space] : elf.dictionary.spaces)
        if (space.name == name)
            return static_cast<uint8_t>(id);
    throw std::logic_error("no such space in the tests: " + name);
}

uint16_t ImageBuilder::site(const std::string &function, uint64_t place, const char *owner, uint32_t acquired)
{
    SiteEntry entry;
    entry.site.owner = *owner == '\0' ? 0 : unpaired_owner_from_magic(owner);
    entry.site.function = function_id(function);
    entry.site.family = static_cast<uint8_t>(elf.dictionary.functions.at(entry.site.function).family);
    entry.site.depth = 1;
    entry.site.acquired = acquired;
    entry.frame = static_cast<uint32_t>((place - text) / 2);
    sites_.push_back(entry);
    return static_cast<uint16_t>(sites_.size());
}

uint64_t ImageBuilder::block(uint16_t site, uint32_t block_size, const char *owner, uint64_t at)
{
    const uint64_t address = at != 0 ? at : next_block_ + UNPAIRED_HEADER_SIZE;
    if (at == 0)
        next_block_ = (address + block_size + 7) / 8 * 8;
    unpaired_block_header header{};
    header.owner = *owner == '\0' ? 0 : unpaired_owner_from_magic(owner);
    header.size = block_size | 2u << UNPAIRED_HEADER_DISTANCE_SHIFT;
    header.site = site | unpaired_sequence_pack(root_.sequence++, 0) << UNPAIRED_HEADER_SITE_BITS;
    header.check =
        unpaired_header_check(header.owner, header.size, header.site, static_cast<uint32_t>(address));
    put(ram_, address - UNPAIRED_HEADER_SIZE - base, header);
    if (site != 0 && site <= sites_.size()) {
        sites_[site - 1].site.live++;
        sites_[site - 1].site.acquired = std::max(sites_[site - 1].site.acquired, sites_[site - 1].site.live);
    }
    return address;
}

void ImageBuilder::release(uint64_t block)
{
    unpaired_block_header header{};
    const uint64_t offset = block - UNPAIRED_HEADER_SIZE - base;
    std::memcpy(&header, &ram_.at(offset), sizeof header);
    const uint32_t number = header.site & UNPAIRED_HEADER_SITE_MASK;
    if (number != 0)
        sites_.at(number - 1).site.live--;
    header.owner = 0;
    header.check = unpaired_header_check_released(header.site, static_cast<uint32_t>(block));
    put(ram_, offset, header);
}

void ImageBuilder::point(uint64_t at, uint64_t to) { put(ram_, at - base, static_cast<uint32_t>(to)); }

void ImageBuilder::write(uint64_t at, const std::string &bytes)
{
    for (size_t i = 0; i < bytes.size(); i++)
        ram_.at(at - base + i) = static_cast<uint8_t>(bytes[i]);
}

void ImageBuilder::handle(uint16_t site, uint32_t number, const char *space, const char *observed,
                          uint8_t failed)
{
    unpaired_ram_handle_32 entry{};
    entry.handle = number;
    entry.packed = site | unpaired_sequence_pack(root_.sequence++, 0) << UNPAIRED_HEADER_SITE_BITS;
    entry.space = space_id(space);
    entry.observed = observed == nullptr ? uint8_t{0} : function_id(observed);
    entry.failed = failed;
    handles_.push_back(entry);
    if (site != UNPAIRED_RAM_NO_SITE) {
        sites_.at(site - 1u).site.live++;
        sites_.at(site - 1u).site.acquired =
            std::max(sites_.at(site - 1u).site.acquired, sites_.at(site - 1u).site.live);
    }
}

void ImageBuilder::anomaly(unpaired_anomaly_kind kind, const char *function, uint16_t acquire_site,
                           uint64_t place, int16_t result, uint32_t count, const char *observed)
{
    unpaired_ram_anomaly_32 entry{};
    entry.kind = static_cast<uint8_t>(kind);
    entry.function = function_id(function);
    entry.observed = observed == nullptr ? uint8_t{0} : function_id(observed);
    entry.place = static_cast<uint32_t>(place);
    entry.acquire_site = acquire_site;
    entry.result = result;
    entry.count = count;
    anomalies_.push_back(entry);
}

void ImageBuilder::mark()
{
    root_.cycle++;
    if (root_.cycle % root_.marks_stride == 0)
        marks_.push_back(root_.sequence);
    root_.marks_used = static_cast<uint16_t>(marks_.size());
}

std::vector<uint8_t> ImageBuilder::bytes() const
{
    std::vector<uint8_t> image = ram_;
    if (!with_root)
        return image;
    const uint64_t at = root - base;
    put(image, at, root_);
    const uint64_t site_entry = sizeof(unpaired_ram_site) + 4;
    for (size_t i = 0; i < sites_.size(); i++) {
        put(image, at + root_.layout.site_offset + i * site_entry, sites_[i].site);
        put(image, at + root_.layout.site_offset + i * site_entry + sizeof(unpaired_ram_site),
            sites_[i].frame);
    }
    for (size_t i = 0; i < handles_.size(); i++)
        put(image, at + root_.layout.handle_offset + i * sizeof handles_[i], handles_[i]);
    for (size_t i = 0; i < anomalies_.size(); i++)
        put(image, at + root_.layout.anomaly_offset + i * sizeof anomalies_[i], anomalies_[i]);
    for (size_t i = 0; i < marks_.size(); i++)
        put(image, at + root_.layout.mark_offset + i * sizeof marks_[i], marks_[i]);
    return image;
}

TemporaryFile::TemporaryFile(const std::vector<uint8_t> &bytes, const std::string &name)
{
    std::string folder = (std::filesystem::temp_directory_path() / "unpaired-test-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr)
        throw std::runtime_error("no temporary folder");
    path_ = std::filesystem::path(folder) / name;
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

TemporaryFile::~TemporaryFile()
{
    std::error_code error;
    std::filesystem::remove(path_, error);
    std::filesystem::remove(path_.parent_path(), error);
}

Remains remains_of(const ImageBuilder &builder, const RamHints &hints)
{
    const TemporaryFile file(builder.bytes());
    return read_ram({{file.path(), ImageBuilder::base}}, builder.elf, hints);
}

} // namespace unpaired::test
