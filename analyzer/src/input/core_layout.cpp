#include "input/core_layout.h"

#include "input/address_map.h"
#include "input/firmware_elf.h"

#include <algorithm>
#include <fmt/format.h>

namespace unpaired {
namespace {

constexpr uint64_t red_zone = 128; // System V ABI for x86-64, 3.2.2
constexpr std::string_view recorder = "libunpaired_preload.so";

std::string file_name(const std::string &path) { return path.substr(path.rfind('/') + 1); }

bool is_trace_file(const std::string &path)
{
    constexpr std::string_view deleted = " (deleted)";
    const std::string_view name(path);
    return (name.ends_with(deleted) ? name.substr(0, name.size() - deleted.size()) : name)
        .ends_with(".trace");
}

class Layout {
public:
    Layout(Remains &remains, const CoreFile &core, const std::vector<CoreModule> &modules,
           const HeapTags &tags)
        : remains_(remains), core_(core), modules_(modules), tags_(tags)
    {}

    void find(const std::function<std::string(uint32_t)> &thread_name)
    {
        for (const TaggedBlock &block : tags_.live)
            map_.claim(block.chunk, block.chunk_end);
        for (const LiveBlock &block : remains_.blocks)
            map_.claim(block.address, block.address + std::max<uint64_t>(block.size, 1));
        exclude_recorder();
        for (auto [start, end] : tags_.free)
            map_.claim(start, end);
        for (const CoreThread &thread : core_.threads)
            add_thread(thread, thread_name(thread.tid));
        for (const CoreThread &thread : core_.threads)
            exclude_below(thread);
        for (auto [start, end] : tags_.other)
            add(RootKind::data, start, end, "a heap block from before the recording");
        for (auto [start, end] : tags_.unclear)
            add(RootKind::stale, start, end, "unclear memory of the heap");
        add_modules();
        for (const MemoryImage::Region &region : remains_.memory.regions())
            if (!region.executable)
                add_region(region);
    }

private:
    void add(RootKind kind, uint64_t start, uint64_t end, const std::string &name, uint32_t tid = 0)
    {
        for (auto [from, to] : map_.claim(start, end))
            remains_.roots.push_back({kind, from, to, name, tid});
    }

    void exclude_recorder()
    {
        for (const MemoryImage::Region &region : remains_.memory.regions())
            if (is_trace_file(region.file))
                map_.claim(region.start, region.end);
        for (const CoreModule &module : modules_)
            if (file_name(module.path) == recorder)
                map_.claim(module.start, module.end);
    }

    void add_thread(const CoreThread &thread, const std::string &thread_name)
    {
        const std::string name = thread_name.empty() ? fmt::format("thread {}", thread.tid)
                                                     : fmt::format("thread {} ({})", thread.tid, thread_name);
        for (const auto &[register_name, value] : thread.registers)
            remains_.registers.push_back({fmt::format("{} of {}", register_name, name), value, thread.tid});
        if (thread.stack_pointer == 0)
            return; // it runs: its stack counts whole, as memory that the program mapped
        if (const MemoryImage::Region *region = stack_of(thread))
            add(RootKind::stack, std::max(region->start, thread.stack_pointer - red_zone), region->end,
                "the stack of " + name, thread.tid);
        else
            remains_.trace.damage.push_back(
                fmt::format("the stack of {} is not in the core: what only it holds looks lost", name));
    }

    /// A stack that a program made itself, in a heap block, is scanned as that block.
    const MemoryImage::Region *stack_of(const CoreThread &thread) const
    {
        return remains_.memory.region_at(thread.stack_pointer);
    }

    void exclude_below(const CoreThread &thread)
    {
        const MemoryImage::Region *region = stack_of(thread);
        if (region == nullptr || !region->file.empty())
            return;
        const bool of_heap = std::any_of(tags_.live.begin(), tags_.live.end(), [&](const TaggedBlock &block) {
            return block.address >= region->start && block.address < region->end;
        });
        if (!of_heap)
            map_.claim(region->start, thread.stack_pointer);
    }

    void add_modules()
    {
        for (const CoreModule &module : modules_)
            for (const MemoryImage::Region &region : remains_.memory.regions())
                if (!region.executable && region.start < module.end && region.end > module.start)
                    add(RootKind::data, std::max(region.start, module.start),
                        std::min(region.end, module.end), "data of " + file_name(module.path));
    }

    void add_region(const MemoryImage::Region &region)
    {
        if (!region.file.empty()) {
            add(RootKind::data, region.start, region.end, "the mapped file " + region.file);
            return;
        }
        bool of_living = false;
        if (has_thread_block(region, of_living) && !of_living)
            add(RootKind::stale, region.start, region.end, "the stack of a thread that ended");
        add(RootKind::data, region.start, region.end,
            of_living ? "thread-local storage" : "memory that the program mapped");
    }

    /// Whether the region holds a thread's control block, which points to itself twice (tcbhead_t of glibc, tcb
    /// and self); a thread's stack has it at its end. `of_living`: of a thread that the core tells of.
    bool has_thread_block(const MemoryImage::Region &region, bool &of_living) const
    {
        for (const CoreThread &thread : core_.threads)
            of_living =
                of_living || (thread.thread_pointer >= region.start && thread.thread_pointer < region.end);
        if (of_living)
            return true;
        constexpr uint64_t alignment = 64, most_of_a_block = 0x4000;
        const uint64_t start =
            region.end - region.start > most_of_a_block ? region.end - most_of_a_block : region.start;
        for (uint64_t at = (start + alignment - 1) / alignment * alignment; at + 24 <= region.end;
             at += alignment)
            if (remains_.memory.word(at, 8) == at && remains_.memory.word(at + 16, 8) == at) {
                of_living = describes_living(at, region.end);
                return true;
            }
        return false;
    }

    /// Whether the C library's description of a thread, which begins with its control block, has the number of one
    /// that lives: the kernel wipes it when the thread ends. For a process that runs, where nobody tells the thread
    /// pointers.
    bool describes_living(uint64_t block, uint64_t end) const
    {
        constexpr uint64_t most_of_a_description = 0x1000;
        for (uint64_t at = block; at < std::min(end, block + most_of_a_description); at += sizeof(uint32_t)) {
            const auto value = remains_.memory.get<uint32_t>(at);
            for (const CoreThread &thread : core_.threads)
                if (thread.thread_pointer == 0 && value == thread.tid)
                    return true;
        }
        return false;
    }

    Remains &remains_;
    const CoreFile &core_;
    const std::vector<CoreModule> &modules_;
    const HeapTags &tags_;
    AddressMap map_;
};

void add_symbols(Remains &remains, const CoreModule &module, const std::string &file)
{
    try {
        const FirmwareElf elf = read_firmware_elf(file, {.dictionary = false, .symbols = false});
        if (!module.build_id.empty() && elf.build_id != module.build_id)
            return;
        for (const FirmwareSymbol &object : elf.objects)
            if (object.size > 0)
                remains.symbols.push_back({object.address + module.bias,
                                           object.address + object.size + module.bias,
                                           object.name + " of " + file_name(module.path)});
    } catch (const InputError &) {
        return; // not here: its variables have no names
    }
}

} // namespace

void find_core_roots(Remains &remains, const CoreFile &core, const std::vector<CoreModule> &modules,
                     const HeapTags &tags, const std::function<std::string(uint32_t tid)> &thread_name,
                     const std::function<std::string(const CoreModule &)> &file_of)
{
    Layout(remains, core, modules, tags).find(thread_name);
    std::sort(remains.roots.begin(), remains.roots.end(),
              [](const Root &a, const Root &b) { return a.start < b.start; });
    for (const CoreModule &module : modules)
        add_symbols(remains, module, file_of(module));
    std::stable_sort(remains.symbols.begin(), remains.symbols.end(),
                     [](const DataSymbol &a, const DataSymbol &b) { return a.start < b.start; });
}

} // namespace unpaired
