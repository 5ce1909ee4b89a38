#include "trace_builder.h"

#include "unpaired/owner_tag.h"

#include <cstring>
#include <stdexcept>

namespace unpaired::test {
namespace {

constexpr const char *program = "/opt/server";

struct Library {
    const char *name, *path;
    uint64_t start;
};
constexpr Library libraries[] = {
    {"", program, 0x400000},
    {"libc.so.6", "/usr/lib/x86_64-linux-gnu/libc.so.6", 0x7f0000000000},
    {"libmodbus.so.5", "/usr/lib/x86_64-linux-gnu/libmodbus.so.5", 0x7f0001000000},
    {"libown.so", "/opt/lib/libown.so", 0x7f0002000000},
};
constexpr uint64_t module_size = 0x100000;

const Library &library_of(const std::string &name)
{
    for (const Library &library : libraries)
        if (name == library.name)
            return library;
    throw std::logic_error("no such library in the tests: " + name);
}

Frame parse_frame(const std::string &text, const std::string &module)
{
    Frame frame;
    frame.module = module;
    size_t at = text.find('@'), colon = text.rfind(':');
    frame.function = text.substr(0, at);
    if (at != std::string::npos) {
        frame.file = text.substr(at + 1, colon - at - 1);
        frame.line = std::stoi(text.substr(colon + 1));
    }
    return frame;
}

void append(std::vector<uint8_t> &to, const void *bytes, size_t size)
{
    const auto *p = static_cast<const uint8_t *>(bytes);
    to.insert(to.end(), p, p + size);
}

/// An extent of whole pages around `content`.
std::vector<uint8_t> extent(uint16_t kind, uint16_t image, uint32_t used, const std::vector<uint8_t> &content)
{
    unpaired_extent header{};
    header.magic = UNPAIRED_EXTENT_MAGIC;
    header.kind = kind;
    header.image = image;
    header.used = used;
    header.pages = static_cast<uint32_t>((sizeof header + content.size() + UNPAIRED_TRACE_PAGE - 1) /
                                         UNPAIRED_TRACE_PAGE);
    std::vector<uint8_t> result;
    append(result, &header, sizeof header);
    append(result, content.data(), content.size());
    result.resize(size_t{header.pages} * UNPAIRED_TRACE_PAGE);
    return result;
}

void append_record(std::vector<uint8_t> &log, uint8_t type, const void *fixed, size_t size,
                   const std::string &rest)
{
    std::vector<uint8_t> payload;
    append(payload, fixed, size);
    append(payload, rest.data(), rest.size());
    payload.resize((payload.size() + 7) / 8 * 8);
    std::vector<uint32_t> words(payload.size() / 4);
    std::memcpy(words.data(), payload.data(), payload.size());
    unpaired_record header{UNPAIRED_RECORD_SYNC, type, static_cast<uint16_t>(payload.size() / 8 + 1), 0};
    header.check = unpaired_record_check(type, header.words, words.data());
    append(log, &header, sizeof header);
    append(log, payload.data(), payload.size());
}

} // namespace

TraceBuilder::TraceBuilder()
{
    std::memcpy(header.magic, UNPAIRED_TRACE_MAGIC, sizeof header.magic);
    header.major = UNPAIRED_TRACE_MAJOR;
    header.minor = UNPAIRED_TRACE_MINOR;
    header.page = UNPAIRED_TRACE_PAGE;
    header.capacity = UINT64_C(1) << 30;
    header.machine = 62;
    header.source = UNPAIRED_SOURCE_PRELOAD;
    header.address_size = 8;
    header.first_pid = 100;
    header.next_image = 2;

    struct FamilySpec {
        const char *space, *family;
        unpaired_space_kind kind;
        std::vector<const char *> acquirers, releasers;
    };
    const FamilySpec specs[] = {
        {"fd", "socket", UNPAIRED_KIND_NUMBERED, {"socket", "accept4"}, {"close"}},
        {"fd", "file", UNPAIRED_KIND_NUMBERED, {"open"}, {}},
        {"heap", "heap", UNPAIRED_KIND_NUMBERED, {"malloc", "calloc"}, {"free"}},
        {"heap", "new_array", UNPAIRED_KIND_NUMBERED, {"_Znam"}, {}},
        {"stream", "stream", UNPAIRED_KIND_NUMBERED, {"fopen", "fdopen"}, {"fclose"}},
        {"rwlock", "rwlock", UNPAIRED_KIND_IN_PLACE, {"pthread_rwlock_init"}, {"pthread_rwlock_destroy"}},
        {"held_mutex", "held_mutex", UNPAIRED_KIND_HELD, {"pthread_mutex_lock"}, {"pthread_mutex_unlock"}},
        {"thread", "thread", UNPAIRED_KIND_NUMBERED, {"pthread_create"}, {"pthread_join"}},
        {"lwip_socket", "lwip_socket", UNPAIRED_KIND_NUMBERED, {"lwip_socket"}, {"lwip_close"}},
        {"memp", "memp", UNPAIRED_KIND_NUMBERED, {"memp_malloc"}, {"memp_free"}},
    };
    auto function = [&](const char *name, uint8_t role, uint16_t family, uint16_t space) {
        auto id = static_cast<uint16_t>(functions_.size() + 1);
        functions_[name] = id;
        function_families_[id] = family;
        unpaired_record_function r{id, role, static_cast<uint8_t>(std::strlen(name)), family, space};
        record(UNPAIRED_RECORD_FUNCTION, &r, sizeof r, name);
    };
    for (const FamilySpec &spec : specs) {
        if (!spaces_.contains(spec.space)) {
            auto id = static_cast<uint16_t>(spaces_.size() + 1);
            spaces_[spec.space] = id;
            unpaired_record_space r{id, static_cast<uint8_t>(spec.kind),
                                    static_cast<uint8_t>(std::strlen(spec.space)), 0};
            record(UNPAIRED_RECORD_SPACE, &r, sizeof r, spec.space);
        }
        auto id = static_cast<uint16_t>(families_.size() + 1);
        families_[spec.family] = id;
        family_spaces_[id] = spaces_[spec.space];
        unpaired_record_family r{id, spaces_[spec.space], static_cast<uint8_t>(std::strlen(spec.family)), 0,
                                 0};
        record(UNPAIRED_RECORD_FAMILY, &r, sizeof r, spec.family);
        for (const char *name : spec.acquirers)
            function(name, UNPAIRED_ROLE_ACQUIRE, id, spaces_[spec.space]);
        for (const char *name : spec.releasers)
            function(name, UNPAIRED_ROLE_RELEASE, 0, spaces_[spec.space]);
    }
    function("shutdown", UNPAIRED_ROLE_OBSERVE, 0, spaces_["fd"]);
    function("lwip_shutdown", UNPAIRED_ROLE_OBSERVE, 0, spaces_["lwip_socket"]);

    image(1, 100, 0, 99);
    for (const Library &library : libraries) {
        std::string path = library.path;
        next_address_[library.name] = library.start + 0x1000;
        unpaired_record_module r{};
        r.image = 1;
        r.path_len = static_cast<uint16_t>(path.size());
        r.generation = 0;
        r.start = library.start;
        r.end = library.start + module_size;
        r.bias = library.start == 0x400000 ? 0 : library.start;
        record(UNPAIRED_RECORD_MODULE, &r, sizeof r, path);
    }
    thread(1, 100, "server");
}

uint64_t TraceBuilder::address_of(const std::string &text)
{
    auto [at, added] = addresses_.try_emplace(text, 0);
    if (!added)
        return at->second;
    size_t bang = text.find('!');
    const Library &library = library_of(bang == std::string::npos ? "" : text.substr(0, bang));
    std::string functions = bang == std::string::npos ? text : text.substr(bang + 1);
    uint64_t &next = next_address_[library.name];
    at->second = next;
    next += 16;
    std::vector<Frame> &frames = frames_[at->second];
    for (size_t start = 0; start <= functions.size();) {
        size_t end = std::min(functions.find('|', start), functions.size());
        frames.push_back(parse_frame(functions.substr(start, end - start), library.path));
        start = end + 1;
    }
    return at->second;
}

uint32_t TraceBuilder::site(const std::string &function, const std::vector<std::string> &stack,
                            const char *owner, unpaired_owner_source owner_source, uint16_t image_id,
                            uint32_t outer)
{
    unpaired_record_site r{};
    r.id = next_site_++;
    r.function = functions_.at(function);
    r.family = function_families_.at(r.function);
    r.owner = owner == nullptr ? 0 : unpaired_owner_from_magic(owner);
    r.owner_source = static_cast<uint8_t>(owner == nullptr ? UNPAIRED_OWNER_UNKNOWN : owner_source);
    r.image = image_id;
    r.outer = outer;
    r.depth = static_cast<uint8_t>(stack.size());
    std::string addresses;
    uint64_t before = 0;
    for (const std::string &frame : stack) {
        const uint64_t address = address_of(frame);
        uint8_t packed[UNPAIRED_PACKED_ADDRESS];
        addresses.append(packed, unpaired_pack_address(packed, address, before));
        before = address;
    }
    record(UNPAIRED_RECORD_SITE_PACKED, &r, sizeof r, addresses);
    site_families_[r.id] = r.family;
    return r.id;
}

uint32_t TraceBuilder::slot(const SlotSpec &spec)
{
    auto family = site_families_.find(spec.site);
    uint16_t space = family == site_families_.end() ? uint16_t{0} : family_spaces_.at(family->second);
    slots_.emplace_back(spec, static_cast<uint8_t>(space));
    return static_cast<uint32_t>(slots_.size());
}

void TraceBuilder::leak(uint32_t site_id, uint64_t count, uint64_t size, uint64_t first_handle)
{
    for (uint64_t i = 0; i < count; i++)
        slot({.site = site_id, .handle = first_handle + i, .size = size});
    counter(site_id, count);
}

void TraceBuilder::counter(uint32_t site_id, uint64_t acquired, uint32_t failed, uint32_t released_unseen,
                           uint16_t image_id)
{
    unpaired_counter &counter = counters_[{image_id, site_id}];
    counter.acquired += acquired;
    counter.failed += failed;
    counter.released_unseen += released_unseen;
}

void TraceBuilder::anomaly(const AnomalySpec &spec)
{
    unpaired_record_anomaly r{};
    r.image = spec.image;
    r.kind = static_cast<uint8_t>(spec.kind);
    r.space = spec.space == nullptr ? uint8_t{0} : static_cast<uint8_t>(spaces_.at(spec.space));
    r.function = functions_.at(spec.function);
    r.observed = spec.observed == nullptr ? uint16_t{0} : functions_.at(spec.observed);
    r.observed_result = spec.observed_result;
    r.acquire_site = spec.acquire_site;
    r.release_site = spec.release_site;
    r.first_release_site = spec.first_release_site;
    r.result = spec.result;
    r.error = spec.error;
    r.first_ms = spec.first_ms;
    r.last_ms = spec.last_ms;
    r.bytes = spec.bytes;
    r.count = spec.count;
    r.cycles = spec.cycles;
    r.last_cycle = spec.last_cycle;
    record(UNPAIRED_RECORD_ANOMALY, &r, sizeof r);
}

void TraceBuilder::image(uint16_t id, uint32_t pid, uint16_t parent, uint32_t parent_pid, uint32_t time_ms,
                         uint32_t cycle)
{
    unpaired_record_image r{};
    r.image = id;
    r.parent_image = parent;
    r.pid = pid;
    r.parent_pid = parent_pid;
    r.time_ms = time_ms;
    r.cycle = cycle;
    r.flags = parent == 0 ? 0 : UNPAIRED_IMAGE_FORKED;
    std::string path = parent == 0 ? program : "";
    std::string command = parent == 0 ? std::string("server\0--port\0"
                                                    "502\0",
                                                    18)
                                      : "";
    r.program_len = static_cast<uint16_t>(path.size());
    r.command_len = static_cast<uint16_t>(command.size());
    record(UNPAIRED_RECORD_IMAGE, &r, sizeof r, path + command);
}

void TraceBuilder::thread(uint32_t id, uint32_t tid, const std::string &name, uint16_t image_id)
{
    unpaired_record_thread r{};
    r.thread = id;
    r.tid = tid;
    r.image = image_id;
    std::memcpy(r.name, name.data(), std::min(name.size(), sizeof r.name));
    record(UNPAIRED_RECORD_THREAD, &r, sizeof r);
}

void TraceBuilder::thread_end(uint32_t id, uint32_t time_ms)
{
    unpaired_record_thread_end r{id, time_ms};
    record(UNPAIRED_RECORD_THREAD_END, &r, sizeof r);
}

void TraceBuilder::mark(uint32_t cycle, uint32_t time_ms, const std::string &name)
{
    unpaired_record_mark r{1, static_cast<uint16_t>(name.size()), cycle, time_ms, 0};
    record(UNPAIRED_RECORD_MARK, &r, sizeof r, name);
    header.cycle = std::max(header.cycle, cycle);
}

void TraceBuilder::limit(const char *space, const std::string &name, uint64_t value)
{
    unpaired_record_limit r{1, spaces_.at(space), static_cast<uint16_t>(name.size()), 0, value};
    record(UNPAIRED_RECORD_LIMIT, &r, sizeof r, name);
}

void TraceBuilder::open_descriptors(const std::vector<uint32_t> &open, uint32_t time_ms, uint16_t image_id)
{
    constexpr uint16_t words = 2;
    // two records, as a recorder splits a large table
    for (uint32_t first = 0; first < 256; first += words * 64) {
        uint64_t bitmap[words] = {};
        for (uint32_t fd : open)
            if (fd >= first && fd < first + words * 64)
                bitmap[(fd - first) / 64] |= UINT64_C(1) << ((fd - first) % 64);
        unpaired_record_descriptors r{image_id, words, time_ms, 0, first};
        record(UNPAIRED_RECORD_DESCRIPTORS, &r, sizeof r,
               std::string(reinterpret_cast<const char *>(bitmap), sizeof bitmap));
    }
}

void TraceBuilder::end(unpaired_end_kind kind, uint32_t time_ms, uint16_t image_id)
{
    unpaired_record_end r{image_id, static_cast<uint8_t>(kind), 0, 0, time_ms, 0, 0};
    record(UNPAIRED_RECORD_END, &r, sizeof r);
}

void TraceBuilder::child_end(uint32_t pid, int wait_status, uint32_t time_ms)
{
    unpaired_record_child_end r{0, 0, pid, wait_status, time_ms};
    record(UNPAIRED_RECORD_CHILD_END, &r, sizeof r);
}

void TraceBuilder::exec(uint32_t pid, const std::string &path, uint16_t flags, uint32_t time_ms,
                        uint16_t image_id)
{
    unpaired_record_exec r{image_id, flags, pid, time_ms, static_cast<uint16_t>(path.size()), 0};
    record(UNPAIRED_RECORD_EXEC, &r, sizeof r, path);
}

void TraceBuilder::note(unpaired_note kind, const std::string &text)
{
    unpaired_record_note r{1, static_cast<uint16_t>(kind), static_cast<uint16_t>(text.size()), 0};
    record(UNPAIRED_RECORD_NOTE, &r, sizeof r, text);
}

void TraceBuilder::look(uint32_t time_ms, uint32_t cycle, const std::vector<ReachSpec> &found,
                        uint16_t image_id)
{
    looks_.push_back({{time_ms, cycle, {}}, image_id, found});
}

void TraceBuilder::preview(uint32_t slot_number, const std::string &content)
{
    previews_.push_back({slot_number, content});
}

void TraceBuilder::events(const std::vector<std::vector<uint64_t>> &events, uint64_t acquired_before,
                          uint32_t number, uint32_t shard, uint16_t image_id)
{
    const unpaired_events events_header{acquired_before, number, 0, {}};
    std::vector<uint8_t> content;
    append(content, &events_header, sizeof events_header);
    for (const std::vector<uint64_t> &numbers : events) {
        unpaired_logged_event_word event{};
        for (const uint64_t value : numbers)
            unpaired_logged_event_put(&event, value);
        append(content, &event.bytes, event.length);
    }
    content.resize(content.size() + UNPAIRED_LOGGED_BYTES);
    std::vector<uint8_t> whole = extent(UNPAIRED_EXTENT_EVENTS, image_id, 0, content);
    std::memcpy(&whole[offsetof(unpaired_extent, shard)], &shard, sizeof shard);
    events_.push_back(std::move(whole));
}

void TraceBuilder::counted_bytes(uint32_t site, uint64_t total, uint64_t peak_bytes, uint16_t image_id)
{
    unpaired_counter &counter = counters_[{image_id, site}];
    counter.bytes = total;
    counter.peak_bytes = peak_bytes;
}

void TraceBuilder::record(uint8_t type, const void *fixed, size_t size, const std::string &rest)
{
    append_record(log_, type, fixed, size, rest);
}

std::vector<uint8_t> TraceBuilder::bytes() const
{
    std::vector<std::vector<uint8_t>> extents;
    extents.push_back(extent(UNPAIRED_EXTENT_LOG, 1, static_cast<uint32_t>(log_.size()), log_));

    std::map<uint16_t, std::map<uint32_t, unpaired_counter_block>> blocks;
    for (const auto &[key, counter] : counters_) {
        uint32_t first = key.second / UNPAIRED_COUNTERS_PER_BLOCK * UNPAIRED_COUNTERS_PER_BLOCK;
        unpaired_counter_block &block = blocks[key.first][first];
        block.first_site = first;
        block.counter[key.second - first] = counter;
    }
    for (const auto &[image_id, by_first] : blocks) {
        std::vector<uint8_t> content;
        for (const auto &[first, block] : by_first)
            append(content, &block, sizeof block);
        extents.push_back(
            extent(UNPAIRED_EXTENT_COUNTERS, image_id, static_cast<uint32_t>(by_first.size()), content));
    }

    // References are known once it is known where each slot will stand.
    uint64_t page = 1;
    for (const auto &e : extents)
        page += e.size() / UNPAIRED_TRACE_PAGE;
    std::map<uint16_t, std::vector<size_t>> by_image;
    for (size_t i = 0; i < slots_.size(); i++)
        by_image[slots_[i].first.image].push_back(i);
    std::vector<uint32_t> references(slots_.size());
    for (const auto &[image_id, indices] : by_image) {
        for (size_t n = 0; n < indices.size(); n++)
            references[indices[n]] = static_cast<uint32_t>(page * (UNPAIRED_TRACE_PAGE / 64) + 1 + n);
        page += ((indices.size() + 1) * 64 + UNPAIRED_TRACE_PAGE - 1) / UNPAIRED_TRACE_PAGE;
    }
    for (const auto &[image_id, indices] : by_image) {
        std::vector<uint8_t> content;
        for (size_t index : indices) {
            const auto &[spec, space] = slots_[index];
            unpaired_slot slot{};
            slot.handle = spec.handle;
            slot.size = spec.size;
            slot.sequence = spec.live ? 3 : 4;
            slot.site = spec.site;
            slot.time_ms = spec.time_ms;
            slot.cycle = spec.cycle;
            slot.thread = spec.thread;
            if (spec.parent != 0) {
                slot.parent = references[spec.parent - 1];
                slot.parent_sequence = 3;
            }
            slot.release_site = spec.release_site;
            if (spec.observed != nullptr)
                slot.observed = functions_.at(spec.observed);
            slot.observed_result = spec.observed_result;
            slot.space = space;
            slot.flags = spec.flags;
            slot.image = image_id;
            slot.descriptor = static_cast<uint16_t>(spec.descriptor + 1);
            append(content, &slot, sizeof slot);
        }
        extents.push_back(extent(UNPAIRED_EXTENT_SLOTS, image_id, 0, content));
    }
    for (const LookSpec &look : looks_) {
        std::vector<uint8_t> content;
        append(content, &look.header, sizeof look.header);
        for (const ReachSpec &spec : look.found) {
            unpaired_reach entry{references[spec.slot - 1],
                                 spec.sequence,
                                 spec.state,
                                 spec.holder,
                                 spec.flags,
                                 spec.by,
                                 spec.at};
            if ((spec.holder == UNPAIRED_HOLDER_BLOCK || spec.holder == UNPAIRED_HOLDER_FREED) &&
                spec.by != 0)
                entry.by = references[spec.by - 1];
            append(content, &entry, sizeof entry);
        }
        extents.push_back(
            extent(UNPAIRED_EXTENT_REACH, look.image, static_cast<uint32_t>(look.found.size()), content));
    }
    if (!previews_.empty()) {
        std::vector<uint8_t> log;
        for (const auto &[number, content] : previews_) {
            const unpaired_record_preview r{1, static_cast<uint16_t>(content.size()), references[number - 1],
                                            3, 0};
            append_record(log, UNPAIRED_RECORD_PREVIEW, &r, sizeof r, content);
        }
        extents.push_back(extent(UNPAIRED_EXTENT_LOG, 1, static_cast<uint32_t>(log.size()), log));
    }

    extents.insert(extents.end(), events_.begin(), events_.end());

    unpaired_file_header first = header;
    first.next_page = 1;
    for (const auto &e : extents)
        first.next_page += static_cast<uint32_t>(e.size() / UNPAIRED_TRACE_PAGE);
    first.next_site = next_site_;
    std::vector<uint8_t> result;
    append(result, &first, sizeof first);
    for (const auto &e : extents)
        append(result, e.data(), e.size());
    return result;
}

Symbolize TraceBuilder::symbols() const
{
    return [frames = frames_](const Module &, uint64_t address) -> std::vector<Frame> {
        auto at = frames.find(address + 1); // asked for the inside of the call
        return at == frames.end() ? std::vector<Frame>() : at->second;
    };
}

} // namespace unpaired::test
