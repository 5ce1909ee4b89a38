#include "input/code_references.h"

#include "input/disassembly.h"
#include "input/elf_marks.h"

#include <algorithm>
#include <elf.h>
#include <string_view>
#include <tuple>
#include <unordered_map>

namespace unpaired {
namespace {

/// Sections of addresses that nothing calls through: unwind tables, notes, the loader's own.
bool is_of_tools(std::string_view name)
{
    static constexpr std::string_view prefixes[] = {".ARM.ex", ".eh_frame", ".gcc_except_table", ".note",
                                                    ".rel",    ".dynsym",   ".dynstr",           ".gnu.",
                                                    ".hash",   ".sframe"};
    return std::any_of(std::begin(prefixes), std::end(prefixes),
                       [&](std::string_view prefix) { return name.starts_with(prefix); });
}

class Finder {
public:
    explicit Finder(const FirmwareElf &elf)
        : elf_(elf), marks_(read_elf_marks(elf)), slots_are_read_(elf.machine == EM_X86_64)
    {
        for (const FirmwareSymbol &function : elf.functions)
            thumb_.emplace(function.address, function.thumb);
        for (const FirmwareSymbol &label : elf.labels) // functions written in assembly without .type
            if (elf.is_code(label.address & ~uint64_t{elf.machine == EM_ARM}))
                thumb_.emplace(label.address & ~uint64_t{elf.machine == EM_ARM}, (label.address & 1) != 0);
    }

    CodeReferences find()
    {
        for (const FirmwareSection &section : elf_.sections) {
            if (section.bytes.empty())
                continue;
            if (section.code)
                code(section);
            else if (!is_of_tools(section.name) && !(slots_are_read_ && is_table_of_slots(section.name)))
                words(section.address, section.bytes);
        }
        for (const auto &[at, value] : marks_.run_time_words)
            if (!is_slot(at))
                add(at, value, ReferenceKind::word);
        auto &list = out_.references;
        std::sort(list.begin(), list.end(), [](const CodeReference &a, const CodeReference &b) {
            return std::tuple(a.at, a.target, a.kind) < std::tuple(b.at, b.target, b.kind);
        });
        list.erase(std::unique(list.begin(), list.end()), list.end());
        out_.exact = marks_.keeps_relocations;
        return std::move(out_);
    }

private:
    CodeMark::What at_the_beginning(const FirmwareSection &section) const
    {
        if (elf_.machine != EM_ARM)
            return CodeMark::What::code;
        const FirmwareSymbol *first = elf_.function_at(section.address);
        return first == nullptr || first->thumb ? CodeMark::What::thumb : CodeMark::What::arm;
    }

    /// Splits a section of code by its marks.
    void code(const FirmwareSection &section)
    {
        const uint64_t end = section.address + section.bytes.size();
        uint64_t from = section.address;
        CodeMark::What what = at_the_beginning(section);
        const auto stretch = [&](uint64_t to) {
            if (to <= from)
                return;
            const auto bytes = section.bytes.subspan(from - section.address, to - from);
            if (what == CodeMark::What::data)
                words(from, bytes);
            else
                instructions({from, bytes, what == CodeMark::What::thumb});
            from = to;
        };
        auto mark = std::lower_bound(marks_.marks.begin(), marks_.marks.end(), section.address,
                                     [](const CodeMark &m, uint64_t at) { return m.address < at; });
        for (; mark != marks_.marks.end() && mark->address < end; ++mark) {
            stretch(mark->address);
            what = mark->what;
        }
        stretch(end);
    }

    void instructions(const CodeStretch &stretch)
    {
        const ReferenceFound found = [this](const FoundReference &reference) {
            if (reference.in_memory)
                through_memory(reference);
            else if (reference.kind != ReferenceKind::address || !marks_.keeps_relocations ||
                     kept_in(reference.at, reference.length))
                add(reference.at, reference.target, reference.kind);
        };
        if (elf_.machine == EM_RISCV)
            disassemble_riscv(elf_, stretch, found);
        else
            disassemble(elf_, stretch, found);
    }

    /// Code of x86-64 uses its table of addresses one slot at a time, so it is the uses that count.
    void through_memory(const FoundReference &reference)
    {
        if (!is_slot(reference.target))
            return;
        for (const auto &[at, value] : marks_.run_time_words)
            if (at == reference.target)
                return add(reference.at, value, reference.kind);
        for (const FirmwareSection &section : elf_.sections)
            if (is_table_of_slots(section.name) && reference.target >= section.address &&
                reference.target - section.address + 8 <= section.bytes.size()) {
                uint64_t value = 0;
                for (unsigned i = 0; i < 8; i++)
                    value |= uint64_t{section.bytes[reference.target - section.address + i]} << (8 * i);
                add(reference.at, value, reference.kind);
            }
    }

    static bool is_table_of_slots(std::string_view name) { return name == ".got" || name == ".got.plt"; }

    bool is_slot(uint64_t address) const
    {
        return slots_are_read_ &&
               std::any_of(elf_.sections.begin(), elf_.sections.end(), [&](const FirmwareSection &section) {
                   return is_table_of_slots(section.name) && address >= section.address &&
                          address - section.address < section.size;
               });
    }

    void words(uint64_t address, std::span<const uint8_t> bytes)
    {
        const unsigned size = elf_.address_size;
        for (uint64_t at = (address + size - 1) / size * size; at + size <= address + bytes.size();
             at += size) {
            uint64_t value = 0;
            for (unsigned i = 0; i < size; i++)
                value |= uint64_t{bytes[at - address + i]} << (8 * i);
            bool thumb = false;
            if (elf_.machine == EM_ARM) {
                thumb = (value & 1) != 0;
                value &= ~uint64_t{1};
            }
            const auto function = thumb_.find(value);
            if (function == thumb_.end() || function->second != thumb ||
                (marks_.keeps_relocations && !kept_in(at, size)))
                continue;
            add(at, value, ReferenceKind::word);
        }
    }

    bool kept_in(uint64_t at, unsigned length) const
    {
        const auto place = marks_.kept_places.lower_bound(at);
        return place != marks_.kept_places.end() && *place < at + length;
    }

    void add(uint64_t at, uint64_t target, ReferenceKind kind)
    {
        if (thumb_.contains(target))
            out_.references.push_back({at, target, kind});
    }

    const FirmwareElf &elf_;
    const ElfMarks marks_;
    const bool slots_are_read_; ///< the disassembler tells which slot of .got an instruction uses
    std::unordered_map<uint64_t, bool> thumb_; ///< beginnings of functions, and whether they are of Thumb
    CodeReferences out_;
};

} // namespace

CodeReferences code_references(const FirmwareElf &elf) { return Finder(elf).find(); }

} // namespace unpaired
