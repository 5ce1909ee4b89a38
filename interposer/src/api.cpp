// What a program may call, through unpaired/unpaired.h, which looks these up at run time.
#include "mapping.h"
#include "recorder.h"

#include <cstring>

using namespace unpaired;

#define UNPAIRED_API extern "C" __attribute__((visibility("default")))

/// Makes `owner` the owner of what this thread acquires from now on; returns the one before.
UNPAIRED_API uint32_t unpaired_owner_push_impl(uint32_t owner)
{
    Thread *thread = enter(stack_pointer());
    if (thread == nullptr)
        return 0;
    const uint32_t before = thread->scope_owner;
    thread->scope_owner = owner;
    return before;
}

UNPAIRED_API void unpaired_owner_pop_impl(uint32_t previous)
{
    if (Thread *thread = enter(stack_pointer()))
        thread->scope_owner = previous;
}

/// The beginning of a new cycle, under a name of at most 255 bytes. Nothing where --cycle says what begins one.
UNPAIRED_API void unpaired_mark_impl(const char *name)
{
    const uint64_t sp = UNPAIRED_CALLER().sp;
    Thread *thread = enter(sp);
    if (thread == nullptr || process.cycle_function != 0)
        return;
    const KeepErrno keep;
    const Busy busy(*thread, sp);
    record_descriptors();
    unpaired_record_mark record{};
    record.image = own_image();
    record.name_len = static_cast<uint16_t>(name != nullptr ? strnlen(name, 255) : 0);
    record.cycle = add(process.file->cycle, 1u) + 1;
    record.time_ms = now_ms();
    append(UNPAIRED_RECORD_MARK, record, {name, record.name_len});
}
