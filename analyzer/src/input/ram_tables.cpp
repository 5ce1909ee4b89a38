#include "input/ram_tables.h"

#include "unpaired/owner_tag.h"
#include "unpaired/trace_format.h"

#include <fmt/format.h>

namespace unpaired {
namespace {

constexpr size_t magic_length = 8;

/// The fields of both root layouts.
template <class Root> bool makes_sense(const Root &root)
{
    const unpaired_root_layout &layout = root.layout;
    const unsigned bits = layout.frame_offset_bits;
    return std::memcmp(root.magic, UNPAIRED_RAM_MAGIC, magic_length) == 0 &&
           root.version == UNPAIRED_RAM_VERSION && root.size == sizeof(Root) &&
           layout.frames <= UNPAIRED_RAM_SITE_DEPTH_MASK &&
           (layout.frame_unit == 1 || layout.frame_unit == 2) && bits > 0 &&
           bits < layout.address_size * 8u && layout.sites < UNPAIRED_RAM_NO_SITE &&
           (layout.sites == 0 || layout.site_offset >= sizeof(Root)) &&
           (layout.handles == 0 || layout.handle_offset >= sizeof(Root)) &&
           (layout.anomalies == 0 || layout.anomaly_offset >= sizeof(Root)) &&
           (layout.marks == 0 || layout.mark_offset >= sizeof(Root)) && root.marks_used <= layout.marks &&
           root.text_low <= root.text_high;
}

uint8_t address_size_of(const uint8_t *root)
{
    unpaired_root_32 fields;
    std::memcpy(&fields, root, sizeof fields);
    return fields.layout.address_size;
}

template <class Root, class Handle, class AnomalyEntry> class TableReader {
public:
    TableReader(const MemoryImage &memory, uint64_t address) : memory_(memory)
    {
        tables_.address = address;
        tables_.address_size = sizeof(Root::text_low);
    }

    std::optional<RamTables> read()
    {
        auto root = memory_.get<Root>(tables_.address);
        if (!root || root->layout.address_size != tables_.address_size || !makes_sense(*root))
            return std::nullopt;
        tables_.site_room = root->layout.sites;
        tables_.frames = root->layout.frames;
        tables_.sequence = root->sequence;
        tables_.time_ms = root->time_ms;
        tables_.cycle = root->cycle;
        tables_.marks_stride = std::max<uint32_t>(root->marks_stride, 1);
        std::copy(std::begin(root->drops), std::end(root->drops), std::begin(tables_.drops));
        tables_.text_low = root->text_low;
        tables_.text_high = root->text_high;
        tables_.build_id = root->build_id;
        tables_.end = tables_.address + sizeof(Root);
        read_sites(*root);
        read_handles(root->layout);
        read_anomalies(root->layout);
        read_marks(*root);
        return std::move(tables_);
    }

private:
    /// The bytes of a table; fewer, and a sentence, where the image ends in it.
    std::vector<uint8_t> table(const char *name, uint32_t offset, size_t count, size_t entry)
    {
        std::vector<uint8_t> bytes(count * entry);
        if (count == 0)
            return bytes;
        const size_t got = memory_.copy(tables_.address + offset, bytes.data(), bytes.size());
        if (got < bytes.size())
            tables_.damage.push_back(
                fmt::format("{} of {} entries of the {} table lie outside the memory image",
                            count - got / entry, count, name));
        bytes.resize(got / entry * entry);
        tables_.end = std::max(tables_.end, tables_.address + offset + count * entry);
        return bytes;
    }

    void read_sites(const Root &root)
    {
        const unpaired_root_layout &layout = root.layout;
        const size_t word = tables_.address_size, entry = sizeof(unpaired_ram_site) + layout.frames * word;
        const std::vector<uint8_t> bytes = table("site", layout.site_offset, layout.sites, entry);
        size_t senseless = 0;
        for (size_t i = 0; (i + 1) * entry <= bytes.size(); i++) {
            unpaired_ram_site raw;
            std::memcpy(&raw, &bytes[i * entry], sizeof raw);
            if (raw.function == 0)
                continue;
            const unsigned depth = raw.depth & UNPAIRED_RAM_SITE_DEPTH_MASK;
            if (depth > layout.frames || raw.live > raw.acquired) {
                senseless++;
                continue;
            }
            RamSite &site = tables_.sites.emplace_back();
            site.number = static_cast<uint16_t>(i + 1);
            site.owner = raw.owner;
            site.function = raw.function;
            site.family = raw.family;
            site.owner_source = static_cast<uint8_t>(raw.depth >> UNPAIRED_RAM_SITE_SOURCE_SHIFT);
            site.acquired = raw.acquired;
            site.live = raw.live;
            std::vector<uint64_t> packed(depth);
            for (unsigned f = 0; f < depth; f++)
                std::memcpy(&packed[f], &bytes[i * entry + sizeof raw + f * word], word);
            site.words = unpack_frames(packed, layout.frame_offset_bits, layout.frame_unit, root.text_low);
        }
        if (senseless > 0)
            tables_.damage.push_back(fmt::format("{} entries of the site table make no sense", senseless));
    }

    void read_handles(const unpaired_root_layout &layout)
    {
        const std::vector<uint8_t> bytes =
            table("handle", layout.handle_offset, layout.handles, sizeof(Handle));
        for (size_t i = 0; i + sizeof(Handle) <= bytes.size(); i += sizeof(Handle)) {
            Handle raw;
            std::memcpy(&raw, &bytes[i], sizeof raw);
            if (raw.packed == 0)
                continue;
            tables_.handles.push_back({raw.handle,
                                       static_cast<uint16_t>(raw.packed & UNPAIRED_HEADER_SITE_MASK),
                                       unpaired_sequence_unpack(raw.packed >> UNPAIRED_HEADER_SITE_BITS),
                                       raw.observed, raw.failed, raw.space});
        }
    }

    void read_anomalies(const unpaired_root_layout &layout)
    {
        const std::vector<uint8_t> bytes =
            table("anomaly", layout.anomaly_offset, layout.anomalies, sizeof(AnomalyEntry));
        for (size_t i = 0; i + sizeof(AnomalyEntry) <= bytes.size(); i += sizeof(AnomalyEntry)) {
            AnomalyEntry raw;
            std::memcpy(&raw, &bytes[i], sizeof raw);
            if (raw.kind == 0 || raw.count == 0)
                continue;
            tables_.anomalies.push_back({raw.kind, raw.function, raw.observed, raw.space, raw.place,
                                         raw.acquire_site, raw.result, raw.count});
        }
    }

    void read_marks(const Root &root)
    {
        const std::vector<uint8_t> bytes =
            table("mark", root.layout.mark_offset, root.layout.marks, sizeof(uint32_t));
        for (size_t i = 0; i < root.marks_used && (i + 1) * sizeof(uint32_t) <= bytes.size(); i++) {
            uint32_t mark = 0;
            std::memcpy(&mark, &bytes[i * sizeof mark], sizeof mark);
            if (!tables_.marks.empty() && mark < tables_.marks.back())
                break; // was being rewritten
            tables_.marks.push_back(mark);
        }
    }

    const MemoryImage &memory_;
    RamTables tables_;
};

} // namespace

std::vector<uint64_t> find_roots(const Bytes &bytes)
{
    constexpr size_t piece = 1 << 20, overlap = sizeof(unpaired_root_64);
    std::vector<uint64_t> found;
    std::vector<uint8_t> buffer(piece + overlap);
    for (uint64_t at = 0; at < bytes.size(); at += piece) {
        const size_t got = bytes.copy(at, buffer.data(), buffer.size());
        for (size_t i = 0; i < std::min(got, piece) && i + sizeof(unpaired_root_32) <= got; i += 4) {
            if (std::memcmp(&buffer[i], UNPAIRED_RAM_MAGIC, magic_length) != 0)
                continue;
            bool sense = false;
            if (address_size_of(&buffer[i]) == 4) {
                unpaired_root_32 root;
                std::memcpy(&root, &buffer[i], sizeof root);
                sense = makes_sense(root);
            } else if (address_size_of(&buffer[i]) == 8 && i + sizeof(unpaired_root_64) <= got) {
                unpaired_root_64 root;
                std::memcpy(&root, &buffer[i], sizeof root);
                sense = makes_sense(root);
            }
            if (sense)
                found.push_back(at + i);
        }
    }
    return found;
}

std::optional<RamTables> read_ram_tables(const MemoryImage &memory, uint64_t address)
{
    using Reader32 = TableReader<unpaired_root_32, unpaired_ram_handle_32, unpaired_ram_anomaly_32>;
    using Reader64 = TableReader<unpaired_root_64, unpaired_ram_handle_64, unpaired_ram_anomaly_64>;
    if (auto tables = Reader32(memory, address).read())
        return tables;
    return Reader64(memory, address).read();
}

uint32_t cycle_of(const RamTables &tables, uint32_t sequence)
{
    const auto next = std::upper_bound(tables.marks.begin(), tables.marks.end(), sequence);
    const auto index = static_cast<uint32_t>(next - tables.marks.begin());
    const uint32_t first = index * tables.marks_stride;
    const uint32_t begin = index == 0 ? 0 : *std::prev(next);
    const uint64_t end =
        next == tables.marks.end() ? std::max(uint64_t{tables.sequence}, uint64_t{sequence} + 1) : *next;
    // behind the last mark there are as many cycles as the counter says
    const uint32_t last =
        next == tables.marks.end() ? std::max(tables.cycle, first) : first + tables.marks_stride - 1;
    if (last == first || end <= begin)
        return first;
    return first + static_cast<uint32_t>((uint64_t{sequence} - begin) * (last - first + 1) / (end - begin));
}

} // namespace unpaired
