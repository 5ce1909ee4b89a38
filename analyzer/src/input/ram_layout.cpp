#include "input/ram_layout.h"

#include "input/address_map.h"
#include "unpaired/owner_tag.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>

namespace unpaired {
namespace {

constexpr uint64_t smallest_stack = 64;

bool is_stack_name(const std::string &name)
{
    static constexpr std::string_view word = "stack";
    const auto at = std::search(name.begin(), name.end(), word.begin(), word.end(), [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == b;
    });
    return at != name.end();
}

class Layout {
public:
    Layout(Remains &remains, const FirmwareElf &elf, const BlockHeaders &headers,
           std::optional<uint64_t> stack_pointer)
        : remains_(remains), elf_(elf), headers_(headers), stack_pointer_(stack_pointer)
    {}

    void find()
    {
        for (const LiveBlock &block : remains_.blocks)
            map_.claim(block.address - UNPAIRED_HEADER_SIZE,
                       block.address + std::max<uint64_t>(block.size, 1));
        for (const FirmwareSymbol &object : elf_.objects) {
            if (object.size == 0)
                continue;
            remains_.symbols.push_back({object.address, object.address + object.size, object.name});
            if (object.name.starts_with("unpaired_") || object.name.starts_with("__wrap_"))
                map_.claim(object.address, object.address + object.size);
        }
        exclude_heap();
        add_task_stacks();
        add_main_stack();
        for (const FirmwareSection &section : elf_.sections)
            if (section.writable)
                add(RootKind::data, section.address, section.address + section.size, section.name);
        for (const MemoryImage::Region &region : remains_.memory.regions())
            if (region.writable)
                add(RootKind::stale, region.start, region.end, "memory outside all sections");
    }

private:
    void add(RootKind kind, uint64_t start, uint64_t end, const std::string &name)
    {
        for (auto [from, to] : map_.claim(start, end))
            remains_.roots.push_back({kind, from, to, name});
    }

    std::optional<uint64_t> label(std::initializer_list<const char *> names) const
    {
        for (const char *name : names)
            if (const FirmwareSymbol *symbol = elf_.symbol(name); symbol != nullptr && symbol->address != 0)
                return symbol->address;
        return std::nullopt;
    }

    /// Calls `visit` with each header's address, of live and of released blocks.
    template <class Visit> void each_header(Visit visit) const
    {
        for (const HeaderedBlock &block : headers_.live)
            visit(block.address, block.end());
        for (uint64_t block : headers_.released)
            visit(block, block);
    }

    /// Variables that an allocator cuts blocks from, and the heap behind the sections.
    void exclude_heap()
    {
        uint64_t lowest = UINT64_MAX, highest = 0;
        each_header([&](uint64_t block, uint64_t end) {
            const uint64_t header = block - UNPAIRED_HEADER_SIZE;
            if (const FirmwareSymbol *object = elf_.object_at(header)) {
                map_.claim(object->address, object->address + object->size);
                return;
            }
            lowest = std::min(lowest, header);
            highest = std::max(highest, end);
        });
        if (highest == 0)
            return;
        uint64_t start = 0;
        for (const FirmwareSection &section : elf_.sections)
            if (section.writable && section.address + section.size <= lowest)
                start = std::max(start, section.address + section.size);
        // a section of its own, which the linker script reserves
        for (const FirmwareSection &section : elf_.sections)
            if (section.writable && lowest >= section.address && lowest < section.address + section.size)
                start = section.address;
        if (const auto label_start =
                label({"__heap_start", "__HeapBase", "_heap_start", "_sheap", "end", "_end"}))
            if (*label_start <= lowest && *label_start >= start)
                start = *label_start;
        if (start == 0)
            start = lowest;
        map_.claim(start, heap_end(highest));
    }

    /// Where the heap ends: where the linker script has it or the stack begin, else where sbrk's static variable
    /// says that it reached, else behind the highest block.
    uint64_t heap_end(uint64_t highest) const
    {
        const MemoryImage::Region *region = remains_.memory.region_at(highest - 1);
        const auto limit = label({"__HeapLimit", "_heap_end", "__heap_end", "__heap_limit", "__StackLimit",
                                  "_sstack", "__stack_limit"});
        if (limit && *limit >= highest && region != nullptr && *limit <= region->end)
            return *limit;
        static constexpr std::array<std::string_view, 6> names = {"heap_end", "brk",      "curbrk",
                                                                  "__brk",    "__brkval", "heap_ptr"};
        for (const FirmwareSymbol &object : elf_.objects) {
            // of a function's static variables the compiler makes heap_end.0
            const std::string_view name = std::string_view(object.name).substr(0, object.name.find('.'));
            if (std::find(names.begin(), names.end(), name) == names.end() ||
                object.size != remains_.address_size)
                continue;
            const auto value = remains_.memory.word(object.address, remains_.address_size);
            if (value && region != nullptr && *value > highest && *value <= region->end)
                return *value;
        }
        return highest;
    }

    void add_task_stacks()
    {
        std::vector<const FirmwareSymbol *> stacks;
        for (const FirmwareSymbol &object : elf_.objects)
            if (object.size >= smallest_stack && is_stack_name(object.name))
                stacks.push_back(&object);
        if (stacks.empty())
            return;
        const std::vector<uint64_t> saved = saved_stack_pointers(stacks);
        for (size_t i = 0; i < stacks.size(); i++) {
            const uint64_t start = stacks[i]->address, end = start + stacks[i]->size;
            if (saved[i] != 0)
                add(RootKind::stack, saved[i], end, fmt::format("the stack {}", stacks[i]->name));
            add(RootKind::stale, start, end,
                saved[i] != 0 ? "below the stack pointer" : "a stack whose pointer is not known");
        }
    }

    /// For each stack the lowest pointer into it that stands outside all stacks; 0 if there is none.
    std::vector<uint64_t> saved_stack_pointers(const std::vector<const FirmwareSymbol *> &stacks) const
    {
        std::vector<uint64_t> saved(stacks.size());
        const unsigned word = remains_.address_size;
        const auto stack_at = [&](uint64_t address) {
            const auto after = std::upper_bound(
                stacks.begin(), stacks.end(), address,
                [](uint64_t wanted, const FirmwareSymbol *stack) { return wanted < stack->address; });
            if (after == stacks.begin() ||
                address >= (*std::prev(after))->address + (*std::prev(after))->size)
                return stacks.size();
            return static_cast<size_t>(std::prev(after) - stacks.begin());
        };
        const auto look = [&](uint64_t at, const uint8_t *bytes, size_t length) {
            for (size_t i = 0; i + word <= length; i += word) {
                uint64_t value = 0;
                std::memcpy(&value, bytes + i, word);
                const size_t into = stack_at(value);
                if (into == stacks.size() || stack_at(at + i) != stacks.size())
                    continue;
                // the beginning and the last words are what a control block says of the stack's bounds
                const uint64_t offset = value - stacks[into]->address;
                if (value % word == 0 && offset != 0 && offset + 2 * word < stacks[into]->size)
                    saved[into] = saved[into] == 0 ? value : std::min(saved[into], value);
            }
        };
        // where control blocks are: variables, and memory blocks
        for (const FirmwareSection &section : elf_.sections)
            if (section.writable && !section.code)
                remains_.memory.each_piece(section.address, section.address + section.size, look);
        for (const LiveBlock &block : remains_.blocks)
            remains_.memory.each_piece(block.address, block.address + block.size, look);
        return saved;
    }

    void add_main_stack()
    {
        const auto top = label({"__StackTop", "_estack", "__stack", "_stack", "__stack_top", "_stack_top",
                                "__stack_end__", "__initial_sp"});
        const auto bottom = label({"__StackLimit", "_sstack", "__stack_limit", "__stack_start__"});
        if (stack_pointer_) {
            const MemoryImage::Region *region = remains_.memory.region_at(*stack_pointer_);
            if (region == nullptr) {
                remains_.trace.damage.push_back(fmt::format(
                    "the stack pointer given, {:#x}, is not in the memory image", *stack_pointer_));
                return;
            }
            const uint64_t end = top && *top > *stack_pointer_ && *top <= region->end ? *top : region->end;
            add(RootKind::stack, *stack_pointer_, end, "the stack");
            map_.claim(std::max(bottom && *bottom < *stack_pointer_ ? *bottom : 0,
                                last_section_before(*stack_pointer_)),
                       *stack_pointer_);
            return;
        }
        if (!top)
            return;
        const MemoryImage::Region *region = remains_.memory.region_at(*top - 1);
        if (region == nullptr) {
            remains_.trace.damage.push_back(fmt::format("the stack, which begins at {:#x}, is not in the "
                                                        "memory image: what only it held is called lost",
                                                        *top));
            return;
        }
        const uint64_t start = bottom && *bottom < *top ? *bottom : last_section_before(*top);
        add(RootKind::stale, std::max(start, region->start), *top,
            "the stack, whose pointer a RAM image does not tell");
    }

    uint64_t last_section_before(uint64_t address) const
    {
        uint64_t end = 0;
        for (const FirmwareSection &section : elf_.sections)
            if (section.writable && section.address < address)
                end = std::max(end, std::min(section.address + section.size, address));
        return end;
    }

    Remains &remains_;
    const FirmwareElf &elf_;
    const BlockHeaders &headers_;
    const std::optional<uint64_t> stack_pointer_;
    AddressMap map_;
};

} // namespace

void find_ram_roots(Remains &remains, const FirmwareElf &elf, const BlockHeaders &headers,
                    std::optional<uint64_t> stack_pointer)
{
    Layout(remains, elf, headers, stack_pointer).find();
    std::sort(remains.roots.begin(), remains.roots.end(),
              [](const Root &a, const Root &b) { return a.start < b.start; });
}

} // namespace unpaired
