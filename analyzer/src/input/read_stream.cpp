#include "input/read_stream.h"

#include "input/bytes.h"
#include "input/stream_run_internal.h"
#include "input/stream_scanner.h"

#include <fmt/format.h>
#include <list>

namespace unpaired {
namespace {

constexpr uint64_t most_memory = UINT64_C(1) << 30;
constexpr size_t most_runs = 2000; // each is an image of the report

std::string hexadecimal(std::span<const uint8_t> bytes)
{
    std::string text;
    for (uint8_t byte : bytes)
        text += fmt::format("{:02x}", byte);
    return text;
}

class StreamReader {
public:
    StreamReader(const Bytes &input, const std::string &name, const FirmwareElf &elf,
                 const std::string &cycle_function)
        : name_(name), elf_(elf), cycle_function_(cycle_function), scanner_(input), damage_(input.damage)
    {}

    std::vector<Trace> read()
    {
        StreamRecord record;
        while (scanner_.next(record)) {
            records_++;
            take(record);
            if (is_too_much()) {
                damage_.push_back(
                    fmt::format("the stream is left out from its record {} on: it holds more than {} runs "
                                "of the device, or takes more than {} MiB of memory",
                                records_ + 1, most_runs, most_memory >> 20));
                break;
            }
        }
        if (records_ == 0)
            throw InputError(
                fmt::format("{}: holds no record of a stream: save what unpaired's sink sends, byte "
                            "for byte (a terminal program may have changed it)",
                            name_));
        check_belonging();
        return finish();
    }

private:
    StreamRun &run()
    {
        if (runs_.empty())
            begin_run(false);
        return runs_.back();
    }

    /// True if there are more runs than may be, or they and the addresses take more memory.
    bool is_too_much() const
    {
        constexpr uint64_t of_address = 64;
        return runs_.size() > most_runs || memory_of_ended_runs_ +
                                                   (runs_.empty() ? 0 : runs_.back().memory()) +
                                                   evidence_.seen.size() * of_address >
                                               most_memory;
    }

    void begin_run(bool beginning_seen)
    {
        if (!runs_.empty())
            memory_of_ended_runs_ += runs_.back().memory();
        runs_.emplace_back(elf_, name_, beginning_seen, cycle_function_, evidence_);
    }

    void take(const StreamRecord &record)
    {
        switch (record.type) {
        case UNPAIRED_RECORD_STREAM:
            begin(record);
            break;
        case UNPAIRED_RECORD_SCAN_SITE:
            run().site(record);
            break;
        case UNPAIRED_RECORD_EVENT:
            if (unpaired_record_event event; record.read(event))
                run().event(
                    {event.what, event.function, event.number, event.value, event.handle, event.place});
            break;
        case UNPAIRED_RECORD_EVENT_64:
            if (unpaired_record_event_64 event; record.read(event))
                run().event(event);
            break;
        case UNPAIRED_RECORD_CLOCK:
            if (unpaired_record_clock clock; record.read(clock) && !run().clock(clock)) {
                begin_run(false);
                run().clock(clock);
            }
            break;
        default:
            if (record.type < UNPAIRED_RECORD_STREAM)
                run().other(record);
            else
                unknown_records_++;
        }
    }

    void begin(const StreamRecord &record)
    {
        unpaired_record_stream fixed;
        if (!record.read(fixed))
            return;
        if (fixed.version != UNPAIRED_STREAM_VERSION)
            throw InputError(
                fmt::format("{}: is a stream of version {}, this unpaired reads {}; use the unpaired "
                            "that belongs to the firmware",
                            name_, fixed.version, UNPAIRED_STREAM_VERSION));
        if (fixed.address_size != elf_.address_size)
            throw InputError(
                fmt::format("{}: was sent by a {}-bit machine, and {} is of {} bits; give the ELF "
                            "file of the firmware that ran",
                            name_, fixed.address_size * 8, elf_.path, elf_.address_size * 8));
        std::vector<uint8_t> id(fixed.build_id_len);
        if (!id.empty() && !elf_.build_id.empty() && record.copy(sizeof fixed, id.data(), id.size()) &&
            hexadecimal(id) != elf_.build_id)
            throw InputError(
                fmt::format("{}: was sent by the firmware with build-id {}, and {} has {}; give the "
                            "ELF file of the firmware that ran",
                            name_, hexadecimal(id), elf_.path, elf_.build_id));
        if (runs_.empty() || !runs_.back().is_empty())
            begin_run(true);
    }

    void check_belonging() const
    {
        if (!evidence_.against())
            return;
        size_t strange = 0;
        for (const auto &[address, follows] : evidence_.seen)
            strange += follows ? 0 : 1;
        throw InputError(
            fmt::format("{}: was not sent by {}: {} of {} return addresses follow no call there{}; "
                        "give the ELF file of the firmware that ran",
                        name_, elf_.path, strange, evidence_.seen.size(),
                        evidence_.unknown_names > 0 ? ", and ids are unknown" : ""));
    }

    void tell_damage()
    {
        if (scanner_.damaged_bytes() > 0)
            damage_.push_back(fmt::format("{} bytes in {} places are damaged: what they told is missing",
                                          scanner_.damaged_bytes(), scanner_.damaged_places()));
        if (unknown_records_ > 0)
            damage_.push_back(fmt::format("{} records are of a kind this version does not know: skipped",
                                          unknown_records_));
    }

    std::vector<Trace> finish()
    {
        tell_damage();
        const StackConfirmer confirmer(elf_);
        std::vector<Trace> traces;
        // a run of which nothing but its beginning was captured says nothing
        if (runs_.size() > 1)
            runs_.remove_if([](const StreamRun &run) { return run.is_empty(); });
        const size_t count = runs_.size();
        for (StreamRun &run : runs_) {
            Trace &trace = traces.emplace_back(run.finish(confirmer));
            Image &image = trace.images.begin()->second;
            image.run =
                count > 1 ? static_cast<uint16_t>(std::min<size_t>(traces.size(), UINT16_MAX)) : uint16_t{0};
            image.restarted = traces.size() < count;
            trace.damage.insert(trace.damage.end(), damage_.begin(), damage_.end());
            trace.missing_bytes = scanner_.damaged_bytes();
        }
        return traces;
    }

    const std::string name_;
    const FirmwareElf &elf_;
    const std::string cycle_function_;
    StreamScanner scanner_;
    std::vector<std::string> damage_;
    CallEvidence evidence_;
    std::list<StreamRun> runs_;
    uint64_t records_ = 0, unknown_records_ = 0, memory_of_ended_runs_ = 0;
};

} // namespace

std::vector<Trace> read_stream(std::span<const uint8_t> bytes, const std::string &name,
                               const FirmwareElf &elf, const std::string &cycle_function)
{
    return StreamReader(*wrap_bytes(bytes, name), name, elf, cycle_function).read();
}

std::vector<Trace> read_stream(const std::string &path, const FirmwareElf &elf,
                               const std::string &cycle_function)
{
    return StreamReader(*open_bytes(path), path, elf, cycle_function).read();
}

bool holds_stream(const std::string &path)
{
    const std::unique_ptr<Bytes> input = open_bytes(path);
    StreamRecord record;
    return StreamScanner(*input).next(record);
}

} // namespace unpaired
