#include "firmware.h"

#include <catch2/catch.hpp>
#include <cstdlib>

Firmware firmware;

namespace {

/// Runs what was planned for the middle of a real function, once.
void run_inside()
{
    if (auto inside = std::exchange(firmware.inside, nullptr))
        inside();
}

void *real_allocate(size_t size)
{
    firmware.asked = size;
    if (firmware.out_of_memory || size > PTRDIFF_MAX / 2)
        return nullptr;
    // at an odd multiple of the alignment asked for
    char *raw = static_cast<char *>(std::aligned_alloc(8192, (size + 2 * 8192) & ~size_t{8191}));
    raw += firmware.heap_alignment;
    firmware.taken.push_back(raw);
    run_inside();
    return raw;
}

void *not_to_be_called(const char *function)
{
    FAIL("the real " << function << " was called");
    return nullptr;
}

} // namespace

extern "C" {
void *__real_malloc(size_t size) { return real_allocate(size); }
// of these nothing is used
void *__real_calloc(size_t, size_t) { return not_to_be_called("calloc"); }
void *__real_memalign(size_t, size_t) { return not_to_be_called("memalign"); }
int __real_posix_memalign(void **, size_t, size_t) { return not_to_be_called("posix_memalign"), 0; }
void *__real_realloc(void *block, size_t)
{
    firmware.given_back.push_back(block);
    return block;
}
void *__real_reallocarray(void *block, size_t, size_t) { return block; }
// memory is not reused: what the recorder leaves in it can be looked at
void __real_free(void *block) { firmware.given_back.push_back(block); }
size_t __real_malloc_usable_size(void *) { return 1000; }
void *__wrap_malloc(size_t size);
// a FreeRTOS heap_3: on top of malloc
void *__real_pvPortMalloc(size_t size) { return __wrap_malloc(size); }
void __real_vPortFree(void *block) { __wrap_free(block); }

int __real_gadget_open() { return run_inside(), firmware.result; }
int __real_gadget_stop(int) { return firmware.result; }
int __real_gadget_close(int) { return run_inside(), firmware.result; }
int __real_latch_init(void *) { return firmware.result; }
void __real_latch_destroy(void *) {}
void *__real_share_take(void *share) { return share; }
void __real_share_drop(void *) {}
long __real_xTaskCreate(void (*)(void *), const char *, size_t, void *, unsigned long, void **handle)
{
    *handle = firmware.task;
    run_inside();
    return 1;
}
void __real_vTaskDelete(void *) {}
void *__real_xQueueGenericCreate(unsigned long, unsigned long, unsigned char) { return firmware.task; }
void __real_vQueueDelete(void *) {}

uintptr_t unpaired_port_lock()
{
    if (firmware.interrupt && firmware.locked == 0 && firmware.locks_before_interrupt-- == 0) {
        const uintptr_t context = std::exchange(firmware.context, 1);
        std::exchange(firmware.interrupt, nullptr)();
        firmware.context = context;
    }
    return static_cast<uintptr_t>(firmware.locked++);
}
void unpaired_port_unlock(uintptr_t state) { firmware.locked = static_cast<int>(state); }
const uintptr_t *unpaired_port_stack_end(const uintptr_t *from)
{
    return firmware.stack_end != nullptr ? firmware.stack_end : from;
}
uint32_t unpaired_port_time_ms() { return firmware.time_ms; }
int unpaired_port_may_read(const void *) { return firmware.may_read; }
uintptr_t unpaired_port_context() { return firmware.context; }
const char *unpaired_port_task_name() { return firmware.task_name; }
int unpaired_sink_write(const void *bytes, size_t length)
{
    REQUIRE(firmware.locked == 0);
    if (firmware.refuses)
        return 0;
    const auto *first = static_cast<const uint8_t *>(bytes);
    firmware.sent.insert(firmware.sent.end(), first, first + length);
    return 1;
}
}

std::vector<Record> records()
{
    std::vector<Record> found;
    for (size_t at = 0; at < firmware.sent.size();) {
        unpaired_record header;
        REQUIRE(at + sizeof header <= firmware.sent.size());
        std::memcpy(&header, &firmware.sent[at], sizeof header);
        REQUIRE(header.sync == UNPAIRED_RECORD_SYNC);
        REQUIRE(at + header.words * 8u <= firmware.sent.size());
        std::vector<uint32_t> words((header.words - 1u) * 2u);
        std::memcpy(words.data(), &firmware.sent[at + 8], words.size() * 4);
        REQUIRE(header.check == unpaired_record_check(header.type, header.words, words.data()));
        const uint8_t *payload = &firmware.sent[at] + 8;
        found.push_back({header.type, {payload, payload + words.size() * 4}});
        at += header.words * 8u;
    }
    return found;
}

std::vector<unpaired_record_event_64> events()
{
    std::vector<unpaired_record_event_64> found;
    for (const Record &record : records())
        if (record.type == UNPAIRED_RECORD_EVENT_64)
            found.push_back(record.as<unpaired_record_event_64>());
    return found;
}

unpaired_block_header header_of(const void *block)
{
    unpaired_block_header header;
    std::memcpy(&header, static_cast<const char *>(block) - sizeof header, sizeof header);
    REQUIRE(header.check == unpaired_header_check(header.owner, header.size, header.site,
                                                  static_cast<uint32_t>(reinterpret_cast<uintptr_t>(block))));
    return header;
}

unpaired_ram_site site_of(const void *block)
{
    const uint32_t number = header_of(block).site & UNPAIRED_HEADER_SITE_MASK;
    REQUIRE(number >= 1);
    REQUIRE(number <= UNPAIRED_SITES);
    unpaired_ram_site site;
    std::memcpy(&site, &unpaired_ram.site[number - 1], sizeof site);
    return site;
}

__attribute__((noinline)) void *malloc_as(uint32_t owner, size_t size)
{
    const uint32_t previous = unpaired_owner_push_impl(owner);
    void *block = __wrap_malloc(size);
    unpaired_owner_pop_impl(previous);
    return block;
}
