#include "input/log_reader.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <string>

namespace unpaired {
namespace {

/// The bytes behind a record's header. Reads past the end give nothing instead.
class Payload {
public:
    explicit Payload(std::span<const uint8_t> bytes) : bytes_(bytes) {}

    template <class Fixed> std::optional<Fixed> fixed()
    {
        if (bytes_.size() < sizeof(Fixed))
            return std::nullopt;
        Fixed value;
        std::memcpy(&value, bytes_.data(), sizeof value);
        bytes_ = bytes_.subspan(sizeof value);
        return value;
    }

    /// The next `length` bytes. Sets `complete` to false if there are fewer.
    std::string text(size_t length)
    {
        if (length > bytes_.size()) {
            complete_ = false;
            length = bytes_.size();
        }
        std::string result(reinterpret_cast<const char *>(bytes_.data()), length);
        bytes_ = bytes_.subspan(length);
        return result;
    }

    std::vector<uint64_t> numbers(size_t count)
    {
        if (count > bytes_.size() / 8) {
            complete_ = false;
            count = bytes_.size() / 8;
        }
        std::vector<uint64_t> result(count);
        if (count > 0)
            std::memcpy(result.data(), bytes_.data(), count * 8);
        bytes_ = bytes_.subspan(count * 8);
        return result;
    }

    std::vector<uint64_t> packed_addresses(size_t count)
    {
        std::vector<uint64_t> result;
        result.reserve(count);
        const uint8_t *at = bytes_.data(), *const end = at + bytes_.size();
        for (uint64_t address = 0; result.size() < count;) {
            at = unpaired_unpack_address(at, end, &address);
            if (at == nullptr) {
                complete_ = false;
                break;
            }
            result.push_back(address);
        }
        return result;
    }

    bool complete() const { return complete_; }

private:
    std::span<const uint8_t> bytes_;
    bool complete_ = true;
};

std::string hexadecimal(const std::string &raw)
{
    std::string result;
    for (unsigned char c : raw)
        result += fmt::format("{:02x}", c);
    return result;
}

std::vector<std::string> split_at_nul(const std::string &text)
{
    std::vector<std::string> result;
    for (size_t start = 0; start < text.size();) {
        size_t end = std::min(text.find('\0', start), text.size());
        result.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return result;
}

bool read_image(Payload &p, Trace &trace)
{
    auto r = p.fixed<unpaired_record_image>();
    if (!r)
        return false;
    Image &image = trace.images[r->image];
    image = {};
    image.id = r->image;
    image.parent = r->parent_image;
    image.pid = r->pid;
    image.parent_pid = r->parent_pid;
    image.time_ms = r->time_ms;
    image.cycle = r->cycle;
    image.forked = (r->flags & UNPAIRED_IMAGE_FORKED) != 0;
    image.recorded = true;
    image.program = p.text(r->program_len);
    image.command = split_at_nul(p.text(r->command_len));
    return p.complete();
}

bool read_module(Payload &p, Trace &trace)
{
    auto r = p.fixed<unpaired_record_module>();
    if (!r || r->end < r->start)
        return false;
    Module module{r->image, r->time_ms, r->generation, r->start, r->end, r->bias, {}, {}};
    module.build_id = hexadecimal(p.text(r->build_id_len));
    module.path = p.text(r->path_len);
    if (p.complete())
        trace.modules.push_back(std::move(module));
    return p.complete();
}

bool read_site(uint8_t type, Payload &p, Trace &trace)
{
    auto r = p.fixed<unpaired_record_site>();
    if (!r || r->id == 0)
        return false;
    const bool packed = type == UNPAIRED_RECORD_SITE_PACKED;
    Site site{r->id,
              r->function,
              r->family,
              r->owner,
              r->owner_source,
              r->image,
              r->generation,
              packed ? p.packed_addresses(r->depth) : p.numbers(r->depth),
              packed ? r->outer : 0};
    if (p.complete())
        trace.sites.insert_or_assign(r->id, std::move(site));
    return p.complete();
}

bool read_thread(Payload &p, Trace &trace)
{
    auto r = p.fixed<unpaired_record_thread>();
    if (!r)
        return false;
    Thread &thread = trace.threads[r->thread];
    thread.image = r->image;
    thread.tid = r->tid;
    thread.time_ms = r->time_ms;
    thread.name.assign(r->name, strnlen(r->name, sizeof r->name));
    return true;
}

bool read_thread_end(Payload &p, Trace &trace)
{
    auto r = p.fixed<unpaired_record_thread_end>();
    if (!r)
        return false;
    Thread &thread = trace.threads[r->thread];
    thread.ended = true;
    thread.ended_ms = r->time_ms;
    return true;
}

bool read_anomaly(Payload &p, Trace &trace)
{
    auto r = p.fixed<unpaired_record_anomaly>();
    if (!r)
        return false;
    Anomaly a;
    a.image = r->image;
    a.kind = r->kind;
    a.space = r->space;
    a.function = r->function;
    a.observed = r->observed;
    a.acquire_site = r->acquire_site;
    a.release_site = r->release_site;
    a.first_release_site = r->first_release_site;
    a.result = r->result;
    a.error = r->error;
    a.observed_result = r->observed_result;
    a.first_ms = r->first_ms;
    a.last_ms = r->last_ms;
    a.handle = r->handle;
    a.size = r->size;
    a.cycles = r->cycles;
    a.last_cycle = r->last_cycle;
    a.count = r->count;
    a.bytes = r->bytes;
    trace.anomalies.push_back(a);
    return true;
}

/// The records that are a fixed part and one text, or less.
bool read_small(uint8_t type, Payload &p, Trace &trace)
{
    switch (type) {
    case UNPAIRED_RECORD_SPACE:
        if (auto r = p.fixed<unpaired_record_space>()) {
            trace.dictionary.spaces[r->id] = {p.text(r->name_len), r->kind};
            return p.complete();
        }
        return false;
    case UNPAIRED_RECORD_FAMILY:
        if (auto r = p.fixed<unpaired_record_family>()) {
            Family &family = trace.dictionary.families[r->id];
            family.space = r->space;
            family.name = p.text(r->name_len);
            family.display = p.text(r->display_len);
            return p.complete();
        }
        return false;
    case UNPAIRED_RECORD_FUNCTION:
        if (auto r = p.fixed<unpaired_record_function>()) {
            trace.dictionary.functions[r->id] = {p.text(r->name_len), r->role, r->family, r->space};
            return p.complete();
        }
        return false;
    case UNPAIRED_RECORD_MODULE_GONE:
        if (auto r = p.fixed<unpaired_record_module_gone>()) {
            trace.modules_gone.push_back({r->image, r->time_ms, r->bias, r->start});
            return true;
        }
        return false;
    case UNPAIRED_RECORD_MARK:
        if (auto r = p.fixed<unpaired_record_mark>()) {
            trace.marks.push_back({r->image, r->cycle, r->time_ms, p.text(r->name_len)});
            return p.complete();
        }
        return false;
    case UNPAIRED_RECORD_LIMIT:
        if (auto r = p.fixed<unpaired_record_limit>()) {
            trace.limits.push_back({r->image, r->space, p.text(r->name_len), r->value});
            return p.complete();
        }
        return false;
    case UNPAIRED_RECORD_DESCRIPTORS:
        if (auto r = p.fixed<unpaired_record_descriptors>()) {
            Descriptors part{r->image, r->time_ms, r->cycle, r->first, p.numbers(r->n_words)};
            if (p.complete())
                trace.descriptors.push_back(std::move(part));
            return p.complete();
        }
        return false;
    case UNPAIRED_RECORD_END:
        if (auto r = p.fixed<unpaired_record_end>()) {
            trace.ends.push_back({r->image, r->kind, r->status, r->time_ms, p.text(r->text_len)});
            return p.complete();
        }
        return false;
    case UNPAIRED_RECORD_CHILD_END:
        if (auto r = p.fixed<unpaired_record_child_end>()) {
            trace.child_ends.push_back({r->image, r->pid, r->time_ms, r->wait_status});
            return true;
        }
        return false;
    case UNPAIRED_RECORD_EXEC:
        if (auto r = p.fixed<unpaired_record_exec>()) {
            trace.execs.push_back({r->image, r->flags, r->pid, r->time_ms, p.text(r->text_len)});
            return p.complete();
        }
        return false;
    case UNPAIRED_RECORD_NOTE:
        if (auto r = p.fixed<unpaired_record_note>()) {
            trace.notes.push_back({r->image, r->note, p.text(r->text_len)});
            if (r->note == UNPAIRED_NOTE_CYCLE_FUNCTION)
                trace.cycle_function = trace.notes.back().text;
            return p.complete();
        }
        return false;
    case UNPAIRED_RECORD_PREVIEW:
        if (auto r = p.fixed<unpaired_record_preview>()) {
            const std::string bytes = p.text(r->length);
            trace.beginnings.push_back(
                {r->slot, r->sequence, r->time_ms, std::vector<uint8_t>(bytes.begin(), bytes.end())});
            return p.complete();
        }
        return false;
    default:
        return false;
    }
}

bool read_record(uint8_t type, Payload p, Trace &trace)
{
    switch (type) {
    case UNPAIRED_RECORD_IMAGE:
        return read_image(p, trace);
    case UNPAIRED_RECORD_MODULE:
        return read_module(p, trace);
    case UNPAIRED_RECORD_SITE:
    case UNPAIRED_RECORD_SITE_PACKED:
        return read_site(type, p, trace);
    case UNPAIRED_RECORD_THREAD:
        return read_thread(p, trace);
    case UNPAIRED_RECORD_THREAD_END:
        return read_thread_end(p, trace);
    case UNPAIRED_RECORD_ANOMALY:
        return read_anomaly(p, trace);
    default:
        return read_small(type, p, trace);
    }
}

/// Length in 32-bit words of the intact record at `at`, or 0.
size_t intact_record(std::span<const uint32_t> words, size_t at)
{
    unpaired_record header;
    std::memcpy(&header, &words[at], sizeof header);
    if (header.sync != UNPAIRED_RECORD_SYNC || header.words == 0)
        return 0;
    size_t length = size_t{header.words} * 2;
    if (length > words.size() - at)
        return 0;
    // the check leaves the end of an anomaly out and would count below zero on a shorter one
    if (header.type == UNPAIRED_RECORD_ANOMALY &&
        header.words * 8u < sizeof header + sizeof(unpaired_record_anomaly))
        return 0;
    if (unpaired_record_check(header.type, header.words, &words[at] + 2) != header.check)
        return 0;
    return length;
}

} // namespace

LogGaps &LogGaps::operator+=(const LogGaps &other)
{
    damaged_bytes += other.damaged_bytes;
    unfinished_bytes += other.unfinished_bytes;
    undecodable += other.undecodable;
    unknown += other.unknown;
    places += other.places;
    return *this;
}

LogGaps read_log(std::span<const uint32_t> words, uint64_t used, Trace &trace)
{
    LogGaps gaps;
    size_t at = 0, end = words.size() & ~size_t{1};
    words = words.first(end);
    size_t gap_start = 0;
    bool gap_is_zero = true;
    auto close_gap = [&](size_t gap_end, bool at_the_end) {
        uint64_t bytes = (gap_end - gap_start) * 4;
        if (bytes == 0)
            return;
        // A first word of zero is a record that was reserved and begun: its fields come before its header.
        bool begun = words[gap_start] == 0 && words[gap_start + 1] == 0 && gap_start * 4 < used;
        if (gap_is_zero && at_the_end)
            return;
        if (begun) {
            gaps.unfinished_bytes += bytes;
        } else {
            gaps.damaged_bytes += bytes;
            gaps.places++;
        }
    };
    while (at < end) {
        size_t length = intact_record(words, at);
        if (length == 0) {
            gap_is_zero = gap_is_zero && words[at] == 0 && words[at + 1] == 0;
            at += 2;
            continue;
        }
        close_gap(at, false);
        uint8_t type = static_cast<uint8_t>(words[at] >> 8);
        std::span<const uint8_t> payload(reinterpret_cast<const uint8_t *>(&words[at]) +
                                             sizeof(unpaired_record),
                                         length * 4 - sizeof(unpaired_record));
        if (type == 0 || type > UNPAIRED_RECORD_SITE_PACKED)
            gaps.unknown++;
        else if (!read_record(type, Payload(payload), trace))
            gaps.undecodable++;
        at += length;
        gap_start = at;
        gap_is_zero = true;
    }
    close_gap(end, true);
    return gaps;
}

} // namespace unpaired
