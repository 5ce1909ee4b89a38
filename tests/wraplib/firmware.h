// What the recorder runs in, played by the test: real functions, port, sink.
#pragma once

extern "C" {
#include "firmware_recorder.h"

#include "unpaired/unpaired.h"
}

#include <cstring>
#include <functional>
#include <string>
#include <vector>

/// The hooks, as firmware calls them.
extern "C" {
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_memalign(size_t alignment, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size);
int __wrap_posix_memalign(void **block, size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t most);
void __wrap_free(void *block);
size_t __wrap_malloc_usable_size(void *block);
void *__wrap_pvPortMalloc(size_t size);
void __wrap_vPortFree(void *block);
int __wrap_gadget_open();
int __wrap_gadget_stop(int gadget);
int __wrap_gadget_close(int gadget);
int __wrap_latch_init(void *latch);
void __wrap_latch_destroy(void *latch);
void *__wrap_share_take(void *share);
void __wrap_share_drop(void *share);
long __wrap_xTaskCreate(void (*code)(void *), const char *name, size_t stack, void *parameters,
                        unsigned long priority, void **handle);
void __wrap_vTaskDelete(void *task);
void *__wrap_xQueueGenericCreate(unsigned long length, unsigned long size, unsigned char type);
void __wrap_vQueueDelete(void *queue);
uint32_t unpaired_owner_push_impl(uint32_t owner);
void unpaired_owner_pop_impl(uint32_t previous);
void unpaired_mark_impl(const char *name);
}

/// The world around the recorder, and what it saw of it.
struct Firmware {
    // the real functions
    size_t heap_alignment = 16; ///< of what the real malloc gives; down to 4
    bool out_of_memory = false;
    size_t asked = 0;                      ///< of the real malloc, last
    std::vector<void *> taken, given_back; ///< by and to the real allocator, in order
    int result = 0;                        ///< what the next real function of a gadget returns
    std::function<void()> inside;          ///< runs in the middle of the next real function
    void *task = nullptr;                  ///< handle of the next task
    // the port
    uintptr_t context = 0;
    const char *task_name = nullptr;
    uint32_t time_ms = 0;
    bool may_read = true;
    const uintptr_t *stack_end = nullptr; ///< null: no scan
    int locked = 0;
    std::function<void()> interrupt; ///< comes before the next lock
    unsigned locks_before_interrupt = 0;
    // the sink
    bool refuses = false;
    std::vector<uint8_t> sent;
};
extern Firmware firmware;

/// A record of what was sent.
struct Record {
    unsigned type;
    std::vector<uint8_t> payload;
    template <class T> T as() const
    {
        T value{};
        std::memcpy(&value, payload.data(), sizeof value < payload.size() ? sizeof value : payload.size());
        return value;
    }
};
/// All records that were sent so far; fails the test if a byte of them is not as stream_format.h says.
std::vector<Record> records();
/// The events among them.
std::vector<unpaired_record_event_64> events();

inline const unpaired_root_64 &root() { return unpaired_ram.root; }
/// The header before a live block; fails the test if there is none.
unpaired_block_header header_of(const void *block);
/// A block as the recorder's tables have it.
unpaired_ram_site site_of(const void *block);
/// Owner for the n-th of many sites.
inline uint32_t owner(unsigned n) { return UNPAIRED_OWNER('O', 'W', 'N', 'A' + n); }

/// malloc by somebody: one call site in code, and so as many sites as owners.
void *malloc_as(uint32_t owner, size_t size = 8);
