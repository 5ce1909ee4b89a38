#include "input/core_file.h"

#include "input/input_error.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <elf.h>
#include <fmt/format.h>
#include <iterator>

namespace unpaired {
namespace {

// struct elf_prstatus and elf_prpsinfo of Linux on x86-64 (linux/elfcore.h, arch/x86/include/asm/elf.h)
constexpr size_t prstatus_signal = 12, prstatus_pid = 32, prstatus_registers = 112;
constexpr size_t prpsinfo_pid = 24, prpsinfo_parent = 28, prpsinfo_name = 40, prpsinfo_arguments = 56;
constexpr size_t name_length = 16, arguments_length = 80;
// struct user_regs_struct (sys/user.h)
constexpr std::array<const char *, 27> register_names = {
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi",
    "rdi", "",    "rip", "",    "",    "rsp", "",    "",    "",   "",   "",    "",    ""};
constexpr size_t stack_pointer_index = 19, thread_pointer_index = 21;
constexpr uint64_t kernel_space = UINT64_C(1) << 63; // the upper half of the addresses
// What a file may make the reader keep; real cores have far less. Segments may overlap in the file, so its size is no
// bound.
constexpr uint64_t most_notes = UINT64_C(64) << 20, most_segments = 1 << 20, most_threads = 1 << 16;
constexpr uint64_t most_file_names = UINT64_C(256) << 20; // bytes, of all regions

class CoreReader {
public:
    explicit CoreReader(const std::string &path) : bytes_(open_bytes(path)) { core_.path = path; }

    CoreFile read()
    {
        read_header();
        for (const Elf64_Phdr &segment : segments_)
            if (segment.p_type == PT_NOTE)
                read_notes(segment);
        if (notes_left_out_)
            core_.damage.emplace_back(
                "some notes of the core are left out: they are more than a process has; the "
                "threads and files of which they tell are missing");
        std::sort(core_.mapped.begin(), core_.mapped.end(),
                  [](const CoreMapping &a, const CoreMapping &b) { return a.start < b.start; });
        for (const Elf64_Phdr &segment : segments_)
            if (segment.p_type == PT_LOAD)
                add_memory(segment);
        for (const std::string &sentence : bytes_->damage)
            core_.damage.push_back(sentence);
        if (missing_bytes_ > 0)
            core_.damage.push_back(
                fmt::format("the core is cut off: {} bytes of memory are missing; what only "
                            "they hold looks lost",
                            missing_bytes_));
        if (core_.threads.empty())
            core_.damage.emplace_back("the core tells of no thread: stacks and registers hold nothing");
        return std::move(core_);
    }

private:
    [[noreturn]] void fail(const std::string &what) const
    {
        throw InputError(fmt::format("{}: {}", core_.path, what));
    }

    template <class Value> bool get(uint64_t offset, Value &value) const
    {
        return bytes_->copy(offset, &value, sizeof value) == sizeof value;
    }

    void read_header()
    {
        Elf64_Ehdr header{};
        if (!get(0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_type != ET_CORE)
            fail("is no core");
        if (header.e_machine == EM_ARM || header.e_machine == EM_AARCH64)
            fail("is a core of an ARM process; this version reads cores of x86-64 only");
        if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64)
            fail(fmt::format("is a core of another machine ({}); this version reads cores of x86-64 only",
                             header.e_machine));
        uint64_t count = header.e_phnum;
        if (count == PN_XNUM) { // more segments than fit: their number stands in the first section header
            Elf64_Shdr section{};
            if (get(header.e_shoff, section))
                count = section.sh_info;
        }
        if (header.e_phentsize != sizeof(Elf64_Phdr) || count == 0)
            fail("is a damaged core: it has no segments");
        if (count > most_segments) {
            core_.damage.push_back(fmt::format("the core is damaged: {} of its {} segments are left out",
                                               count - most_segments, count));
            count = most_segments;
        }
        for (uint64_t i = 0; i < count; i++) {
            Elf64_Phdr segment{};
            if (!get(header.e_phoff + i * sizeof segment, segment)) {
                core_.damage.push_back(
                    fmt::format("the core is cut off within its table of segments: {} of {} "
                                "are there",
                                i, count));
                break;
            }
            segments_.push_back(segment);
        }
    }

    void read_notes(const Elf64_Phdr &segment)
    {
        const uint64_t wanted = std::min(segment.p_filesz, bytes_->size());
        const uint64_t room = std::min(most_notes, bytes_->size()) - note_bytes_;
        notes_left_out_ = notes_left_out_ || wanted > room;
        std::vector<uint8_t> notes(static_cast<size_t>(std::min(wanted, room)));
        notes.resize(bytes_->copy(segment.p_offset, notes.data(), notes.size()));
        note_bytes_ += notes.size();
        const auto padded = [](uint64_t size) { return (size + 3) & ~uint64_t{3}; };
        for (uint64_t at = 0; at + sizeof(Elf64_Nhdr) <= notes.size();) {
            Elf64_Nhdr note{};
            std::memcpy(&note, &notes[at], sizeof note);
            const uint64_t data = at + sizeof note + padded(note.n_namesz),
                           end = data + padded(note.n_descsz);
            if (end > notes.size())
                break;
            read_note(note.n_type, notes.data() + data, note.n_descsz);
            at = end;
        }
    }

    template <class Value> static Value value_at(const uint8_t *data, size_t offset)
    {
        Value value;
        std::memcpy(&value, data + offset, sizeof value);
        return value;
    }

    void read_note(uint32_t type, const uint8_t *data, size_t size)
    {
        switch (type) {
        case NT_PRSTATUS:
            if (size >= prstatus_registers + register_names.size() * 8)
                read_thread(data);
            break;
        case NT_PRPSINFO:
            if (size >= prpsinfo_arguments + arguments_length)
                read_process(data);
            break;
        case NT_AUXV:
            for (size_t i = 0; i + 16 <= size; i += 16)
                core_.aux[value_at<uint64_t>(data, i)] = value_at<uint64_t>(data, i + 8);
            break;
        case NT_FILE:
            read_files(data, size);
            break;
        default:
            break;
        }
    }

    void read_thread(const uint8_t *data)
    {
        if (core_.threads.size() == most_threads) {
            notes_left_out_ = true;
            return;
        }
        CoreThread thread;
        thread.tid = value_at<uint32_t>(data, prstatus_pid);
        const int signal = value_at<int16_t>(data, prstatus_signal);
        // a debugger that dumps a living process stops it with one of these
        if (core_.threads.empty() && signal != SIGTRAP && signal != SIGSTOP && signal != SIGINT)
            core_.signal = signal;
        for (size_t i = 0; i < register_names.size(); i++) {
            const auto value = value_at<uint64_t>(data, prstatus_registers + i * 8);
            if (i == stack_pointer_index)
                thread.stack_pointer = value;
            if (i == thread_pointer_index)
                thread.thread_pointer = value;
            if (*register_names[i] != '\0')
                thread.registers.emplace_back(register_names[i], value);
        }
        core_.threads.push_back(std::move(thread));
    }

    static std::string text_at(const uint8_t *data, size_t offset, size_t length)
    {
        const char *text = reinterpret_cast<const char *>(data) + offset;
        std::string result(text, strnlen(text, length));
        while (result.ends_with(' '))
            result.pop_back();
        return result;
    }

    void read_process(const uint8_t *data)
    {
        core_.pid = value_at<uint32_t>(data, prpsinfo_pid);
        core_.parent_pid = value_at<uint32_t>(data, prpsinfo_parent);
        core_.name = text_at(data, prpsinfo_name, name_length);
        core_.command = text_at(data, prpsinfo_arguments, arguments_length);
    }

    /// count, page size, (start, end, offset in pages) each, then the paths, ended by NUL.
    void read_files(const uint8_t *data, size_t size)
    {
        if (size < 16)
            return;
        const auto count = value_at<uint64_t>(data, 0), page = value_at<uint64_t>(data, 8);
        if (count > (size - 16) / 24)
            return;
        const char *name = reinterpret_cast<const char *>(data) + 16 + count * 24;
        const char *end = reinterpret_cast<const char *>(data) + size;
        for (uint64_t i = 0; i < count && name < end; i++) {
            CoreMapping mapping;
            mapping.start = value_at<uint64_t>(data, 16 + i * 24);
            mapping.end = value_at<uint64_t>(data, 16 + i * 24 + 8);
            mapping.offset = value_at<uint64_t>(data, 16 + i * 24 + 16) * page;
            mapping.path.assign(name, strnlen(name, static_cast<size_t>(end - name)));
            name += mapping.path.size() + 1;
            core_.mapped.push_back(std::move(mapping));
        }
    }

    void add_memory(const Elf64_Phdr &segment)
    {
        if (segment.p_vaddr >= kernel_space || segment.p_memsz >= kernel_space)
            return; // [vsyscall]
        const uint64_t there = segment.p_offset < bytes_->size() ? bytes_->size() - segment.p_offset : 0;
        const uint64_t length = std::min({segment.p_filesz, segment.p_memsz, there});
        missing_bytes_ += std::min(segment.p_filesz, segment.p_memsz) - length;
        MemoryImage::Region region;
        region.start = segment.p_vaddr;
        region.end = segment.p_vaddr + length;
        region.bytes = bytes_;
        region.offset = segment.p_offset;
        region.writable = (segment.p_flags & PF_W) != 0;
        region.executable = (segment.p_flags & PF_X) != 0;
        if (const CoreMapping *mapping = mapping_at(segment.p_vaddr);
            mapping != nullptr && file_name_bytes_ + mapping->path.size() <= most_file_names) {
            region.file = mapping->path;
            file_name_bytes_ += region.file.size();
        }
        core_.memory.add(std::move(region));
    }

    /// The mapping that covers the address, or null. They are sorted, and those of a real core do not overlap.
    const CoreMapping *mapping_at(uint64_t address) const
    {
        auto above =
            std::upper_bound(core_.mapped.begin(), core_.mapped.end(), address,
                             [](uint64_t at, const CoreMapping &mapping) { return at < mapping.start; });
        if (above == core_.mapped.begin() || address >= std::prev(above)->end)
            return nullptr;
        return &*std::prev(above);
    }

    std::shared_ptr<const Bytes> bytes_;
    CoreFile core_;
    std::vector<Elf64_Phdr> segments_;
    uint64_t missing_bytes_ = 0, note_bytes_ = 0, file_name_bytes_ = 0;
    bool notes_left_out_ = false;
};

constexpr uint64_t longest_build_id = 64; // a hash; those of GNU ld have 20 bytes

/// The program headers of a mapped ELF file, and its build-id, read by `copy(offset or address, to, length)`.
template <class Copy> bool read_headers(Copy copy, CoreModule &module, uint64_t mapped_at)
{
    Elf64_Ehdr header{};
    if (copy(0, &header, sizeof header) < sizeof header ||
        std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_phentsize != sizeof(Elf64_Phdr))
        return false;
    std::vector<Elf64_Phdr> segments(header.e_phnum);
    const size_t length = segments.size() * sizeof(Elf64_Phdr);
    if (length == 0 || copy(header.e_phoff, segments.data(), length) < length)
        return false;
    uint64_t lowest = UINT64_MAX, highest = 0;
    for (const Elf64_Phdr &segment : segments)
        if (segment.p_type == PT_LOAD) {
            lowest = std::min(lowest, segment.p_vaddr & ~uint64_t{0xfff});
            highest = std::max(highest, segment.p_vaddr + segment.p_memsz);
        }
    if (highest == 0)
        return false;
    module.bias = mapped_at - lowest;
    module.start = mapped_at;
    module.end = module.bias + highest;
    for (const Elf64_Phdr &segment : segments) {
        if (segment.p_type != PT_NOTE || segment.p_filesz > 0x10000)
            continue;
        if (!module.build_id.empty())
            break;
        std::vector<uint8_t> notes(segment.p_filesz);
        notes.resize(copy(segment.p_offset, notes.data(), notes.size()));
        const uint64_t align = segment.p_align == 8 ? 8 : 4;
        const auto padded = [align](uint64_t size) { return (size + align - 1) / align * align; };
        for (uint64_t at = 0; at + sizeof(Elf64_Nhdr) <= notes.size();) {
            Elf64_Nhdr note{};
            std::memcpy(&note, &notes[at], sizeof note);
            const uint64_t data = at + sizeof note + ((note.n_namesz + 3) & ~uint64_t{3});
            if (data + note.n_descsz > notes.size())
                break;
            if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof "GNU" && module.build_id.empty() &&
                note.n_descsz <= longest_build_id &&
                std::memcmp(&notes[at + sizeof note], "GNU", sizeof "GNU") == 0)
                for (uint64_t i = 0; i < note.n_descsz; i++)
                    module.build_id += fmt::format("{:02x}", notes[data + i]);
            at = padded(data + note.n_descsz);
        }
    }
    return true;
}

} // namespace

CoreFile read_core_file(const std::string &path) { return CoreReader(path).read(); }

std::vector<CoreModule> modules_of(const CoreFile &core, const std::string &sysroot)
{
    std::vector<CoreModule> modules;
    for (const CoreMapping &mapping : core.mapped) {
        if (mapping.offset != 0 || mapping.path.empty() || mapping.path[0] != '/')
            continue;
        CoreModule module;
        module.path = mapping.path;
        // of the first page everything that is asked for here is dumped, or nothing
        bool known =
            read_headers([&](uint64_t offset, void *to,
                             size_t length) { return core.memory.copy(mapping.start + offset, to, length); },
                         module, mapping.start);
        if (!known) {
            try {
                const auto file = open_bytes(sysroot + mapping.path);
                known = read_headers(
                    [&](uint64_t offset, void *to, size_t length) { return file->copy(offset, to, length); },
                    module, mapping.start);
            } catch (const InputError &) {
                known = false; // not here any more: its addresses stay numbers
            }
        }
        if (!known) {
            module.start = module.bias = mapping.start;
            module.end = mapping.end;
            for (const CoreMapping &other : core.mapped)
                if (other.path == mapping.path && other.start >= module.start)
                    module.end = std::max(module.end, other.end);
            module.build_id.clear();
            const bool any_code =
                std::any_of(core.mapped.begin(), core.mapped.end(),
                            [&](const CoreMapping &m) { return m.path == mapping.path && m.offset != 0; });
            if (!any_code)
                continue; // a data file
        }
        modules.push_back(std::move(module));
    }
    return modules;
}

} // namespace unpaired
