#include "input/read_core.h"

#include "input/core_file.h"
#include "input/core_layout.h"
#include "input/core_trace.h"
#include "input/firmware_elf.h"
#include "input/heap_tags.h"
#include "input/input_error.h"
#include "input/read_trace.h"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <filesystem>
#include <fmt/format.h>

namespace unpaired {
namespace {

constexpr std::string_view recorder = "/libunpaired_preload.so";

std::string absolute(const std::string &path)
{
    return std::filesystem::absolute(path).lexically_normal().string();
}

class ProcessReader {
public:
    ProcessReader(const std::string &path, const CoreHints &hints)
        : hints_(hints), core_(read_core_file(path)), modules_(modules_of(core_, hints.sysroot))
    {}

    Remains read()
    {
        remains_.memory = core_.memory;
        settle_program();
        const HeapTags tags = scan_heap_tags(core_.memory);
        std::optional<Trace> trace = find_trace();
        if (trace) {
            const uint16_t image = *image_of(*trace);
            settle_names(*trace);
            trace_from_ledger(remains_, std::move(*trace), image, core_, tags);
        } else {
            if (tags.live.empty())
                throw InputError(nothing_found());
            remarks_.emplace_back(
                "there is no trace of the process: heap blocks were found by their tags, each with "
                "its call site alone; descriptors, locks and growth are not known (--trace FILE)");
            trace_from_tags(remains_, core_, modules_, tags, program_);
        }
        find_core_roots(
            remains_, core_, modules_, tags, [this](uint32_t tid) { return name_of_thread(tid); },
            [this](const CoreModule &module) { return file_of(module); });
        std::vector<std::string> &damage = remains_.trace.damage;
        damage.insert(damage.end(), core_.damage.begin(), core_.damage.end());
        damage.insert(damage.end(), remarks_.begin(), remarks_.end());
        return std::move(remains_);
    }

private:
    /// Which of the modules is the program, and whether the file given for it is of the same build.
    void settle_program()
    {
        const uint64_t entry = core_.aux.contains(AT_ENTRY) ? core_.aux.at(AT_ENTRY) : 0;
        for (CoreModule &module : modules_)
            if (entry >= module.start && entry < module.end)
                main_ = &module;
        if (main_ == nullptr)
            for (CoreModule &module : modules_) // the kernel cuts the name after 15 characters
                if (main_ == nullptr && !core_.name.empty() &&
                    std::filesystem::path(module.path).filename().string().starts_with(core_.name))
                    main_ = &module;
        program_ = main_ != nullptr ? main_->path : core_.name;
        if (hints_.elf.empty())
            return;
        const FirmwareElf elf = read_firmware_elf(hints_.elf, {.dictionary = false, .symbols = false});
        if (elf.machine != EM_X86_64)
            throw InputError(
                fmt::format("{}: is for another machine than the core {}", hints_.elf, core_.path));
        if (main_ == nullptr) {
            remarks_.push_back(fmt::format("the core does not tell where {} was mapped", hints_.elf));
            return;
        }
        if (!main_->build_id.empty() && elf.build_id != main_->build_id)
            throw InputError(fmt::format(
                "{}: is not the program of {}: its build-id is {}, that of the process {}", hints_.elf,
                core_.path, elf.build_id.empty() ? "missing" : elf.build_id, main_->build_id));
        if (main_->build_id.empty())
            remarks_.push_back(
                fmt::format("the core does not tell the program's build-id: whether {} is the right "
                            "file was not checked",
                            hints_.elf));
        program_path_before_ = main_->path;
        program_ = main_->path = absolute(hints_.elf);
    }

    /// Why a core without a trace and without a tagged block tells nothing.
    std::string nothing_found() const
    {
        if (was_recorded())
            return fmt::format(
                "{}: process {} ({}) was recorded, but no tagged block is in the core: it has an "
                "allocator of its own, or holds nothing; give its trace with --trace FILE",
                core_.path, core_.pid, core_.name);
        std::error_code error;
        if (main_ != nullptr && std::filesystem::exists(file_of(*main_), error) &&
            read_firmware_elf(file_of(*main_), {.dictionary = false, .symbols = false})
                .symbol("unpaired_ram"))
            return fmt::format(
                "{}: {} is linked with wraplib, and cores of such programs are not read; what it "
                "sent is: unpaired report STREAM --elf {}",
                core_.path, program_, program_);
        return fmt::format("{}: process {} ({}) was not recorded: neither the recorder nor a tagged "
                           "block is in it; start the program with unpaired record",
                           core_.path, core_.pid, core_.name);
    }

    bool was_recorded() const
    {
        return std::any_of(core_.mapped.begin(), core_.mapped.end(), [](const CoreMapping &mapping) {
            return mapping.path.find(recorder) != std::string::npos;
        });
    }

    /// The process in the trace: of its id, and of its program, since a process that becomes another program by
    /// exec keeps its id.
    std::optional<uint16_t> image_of(const Trace &trace) const
    {
        std::optional<uint16_t> found;
        const std::string &path = program_path_before_.empty() ? program_ : program_path_before_;
        for (const auto &[id, image] : trace.images)
            if (image.pid == core_.pid && core_.pid != 0 &&
                (main_ == nullptr || image.program.empty() || image.program == path))
                found = id;
        return found;
    }

    std::optional<Trace> find_trace()
    {
        if (!hints_.trace.empty()) {
            Trace trace = read_trace(hints_.trace);
            if (!image_of(trace))
                throw InputError(fmt::format("{}: is not a trace of process {} ({}), which {} is of",
                                             hints_.trace, core_.pid, program_, core_.path));
            return trace;
        }
        std::vector<Trace> found;
        const std::vector<std::string> beside = traces_beside();
        for (const bool named : {true, false}) { // others only where none is named after the process
            for (const std::string &path : beside) {
                if (is_named_after_process(path) == named)
                    take_trace(path, found);
            }
            if (!found.empty())
                break;
        }
        if (found.size() > 1)
            remarks_.push_back(
                fmt::format("{} traces of process {} stand beside the core: none was taken, choose with "
                            "--trace",
                            found.size(), core_.pid));
        if (found.size() != 1)
            return std::nullopt;
        remarks_.push_back(fmt::format("read with the trace {}", found.front().path));
        return std::move(found.front());
    }

    void take_trace(const std::string &path, std::vector<Trace> &found) const
    {
        try {
            Trace trace = read_trace(path);
            if (image_of(trace))
                found.push_back(std::move(trace));
        } catch (const InputError &) { // something else that is called so
        }
    }

    /// NAME.PID.trace, NAME.trace.EXE.PID
    bool is_named_after_process(const std::string &path) const
    {
        const std::string name = std::filesystem::path(path).filename().string() + ".";
        return name.find(fmt::format(".{}.", core_.pid)) != std::string::npos;
    }

    /// Files in the core's folder called like traces.
    std::vector<std::string> traces_beside() const
    {
        std::vector<std::string> found;
        std::error_code error;
        for (const auto &entry : std::filesystem::directory_iterator(
                 std::filesystem::path(absolute(core_.path)).parent_path(), error))
            if ((entry.path().filename().string() + ".").find(".trace.") != std::string::npos)
                found.push_back(entry.path().string());
        std::sort(found.begin(), found.end());
        return found;
    }

    /// The trace's words for what the core only numbers, and the program's file where it was given.
    void settle_names(Trace &trace)
    {
        for (const auto &[id, thread] : trace.threads)
            if (!thread.ended && !thread.name.empty())
                thread_names_.push_back({thread.tid, thread.name});
        if (!program_path_before_.empty())
            for (Module &module : trace.modules)
                if (module.path == program_path_before_ && module.build_id == main_->build_id)
                    module.path = main_->path;
    }

    std::string name_of_thread(uint32_t tid) const
    {
        for (const auto &[known, name] : thread_names_)
            if (known == tid)
                return name;
        return tid == core_.pid ? core_.name : std::string();
    }

    std::string file_of(const CoreModule &module) const
    {
        return &module == main_ && !program_path_before_.empty() ? module.path : hints_.sysroot + module.path;
    }

    const CoreHints hints_;
    CoreFile core_;
    std::vector<CoreModule> modules_;
    CoreModule *main_ = nullptr;
    std::string program_, program_path_before_;
    std::vector<std::pair<uint32_t, std::string>> thread_names_;
    std::vector<std::string> remarks_;
    Remains remains_;
};

} // namespace

bool is_core(const std::string &path)
{
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        throw InputError(fmt::format("{}: is a directory; name the core or memory image in it", path));
    const auto bytes = open_bytes(path);
    Elf32_Ehdr header{}; // e_type stands at one place in both classes
    if (bytes->copy(0, &header, sizeof header) < sizeof header ||
        std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return false;
    if (header.e_type == ET_CORE)
        return true;
    throw InputError(fmt::format("{}: is a program, not memory; it goes behind --elf", path));
}

Remains read_core(const std::string &path, const CoreHints &hints)
{
    return ProcessReader(path, hints).read();
}

} // namespace unpaired
