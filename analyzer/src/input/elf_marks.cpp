#include "input/elf_marks.h"

#include <algorithm>
#include <gelf.h>
#include <memory>
#include <optional>
#include <string_view>

namespace unpaired {
namespace {

struct ElfEnd {
    void operator()(Elf *elf) const { elf_end(elf); }
};

std::optional<CodeMark::What> mapping_symbol(std::string_view name)
{
    if (name.size() < 2 || name[0] != '$' || (name.size() > 2 && name[2] != '.' && name[1] != 'x'))
        return std::nullopt;
    switch (name[1]) {
    case 'a':
        return CodeMark::What::arm;
    case 't':
        return CodeMark::What::thumb;
    case 'd':
        return CodeMark::What::data;
    case 'x': // RISC-V may append the instruction set to it
        return CodeMark::What::code;
    default:
        return std::nullopt;
    }
}

class MarkReader {
public:
    explicit MarkReader(const FirmwareElf &file)
    {
        elf_version(EV_CURRENT);
        // libelf takes bytes that it may change, and changes none when it only reads
        elf_.reset(elf_memory(const_cast<char *>(reinterpret_cast<const char *>(file.file->data())),
                              file.file->size()));
    }

    ElfMarks read()
    {
        for (Elf_Scn *scn = nullptr; elf_ && (scn = elf_nextscn(elf_.get(), scn)) != nullptr;) {
            GElf_Shdr header;
            if (!gelf_getshdr(scn, &header) || header.sh_entsize == 0)
                continue;
            Elf_Data *data = elf_getdata(scn, nullptr);
            if (data == nullptr)
                continue;
            const int count = static_cast<int>(header.sh_size / header.sh_entsize);
            if (header.sh_type == SHT_SYMTAB)
                symbols(data, header, count);
            else if (header.sh_type == SHT_REL || header.sh_type == SHT_RELA)
                relocations(data, header, count);
        }
        std::stable_sort(out_.marks.begin(), out_.marks.end(),
                         [](const CodeMark &a, const CodeMark &b) { return a.address < b.address; });
        return std::move(out_);
    }

private:
    void symbols(Elf_Data *data, const GElf_Shdr &header, int count)
    {
        for (int i = 1; i < count; i++) {
            GElf_Sym symbol;
            if (!gelf_getsym(data, i, &symbol) || symbol.st_shndx == SHN_UNDEF)
                continue;
            const char *name = elf_strptr(elf_.get(), header.sh_link, symbol.st_name);
            if (const auto what = mapping_symbol(name ? name : ""))
                out_.marks.push_back({symbol.st_value, *what});
        }
    }

    void relocations(Elf_Data *data, const GElf_Shdr &header, int count)
    {
        GElf_Shdr of;
        Elf_Scn *filled_in = elf_getscn(elf_.get(), header.sh_info);
        const bool at_run_time = (header.sh_flags & SHF_ALLOC) != 0;
        if (!at_run_time && (!filled_in || !gelf_getshdr(filled_in, &of) || (of.sh_flags & SHF_ALLOC) == 0))
            return; // of debug information
        out_.keeps_relocations = out_.keeps_relocations || !at_run_time;
        for (int i = 0; i < count; i++) {
            GElf_Rela entry = {};
            GElf_Rel rel;
            if (header.sh_type == SHT_RELA) {
                if (!gelf_getrela(data, i, &entry))
                    continue;
            } else if (gelf_getrel(data, i, &rel)) {
                entry.r_offset = rel.r_offset;
            } else {
                continue;
            }
            if (!at_run_time)
                out_.kept_places.insert(entry.r_offset);
            else if (header.sh_type == SHT_RELA && GELF_R_SYM(entry.r_info) == 0)
                out_.run_time_words.emplace_back(entry.r_offset, static_cast<uint64_t>(entry.r_addend));
        }
    }

    std::unique_ptr<Elf, ElfEnd> elf_;
    ElfMarks out_;
};

} // namespace

ElfMarks read_elf_marks(const FirmwareElf &elf) { return MarkReader(elf).read(); }

} // namespace unpaired
