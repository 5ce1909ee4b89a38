// With --every-event: each acquisition and release, in the log of the shard whose slot it concerns. Only the shard's own
// thread writes there, with plain stores; what another one retires is logged when it has come home.
#pragma once

#include "state.h"

namespace unpaired {

/// Makes ready for the events of this image and its forked children; false when there is no memory for it.
bool prepare_event_log();

/// A slot of the thread was published, and counted under its site in `counter`.
inline void log_acquired(Thread &thread, uint32_t slot, uint32_t site, uint64_t size,
                         unpaired_counter &counter);
/// A claimed slot of the thread is retired, by itself.
inline void log_released(Thread &thread, uint32_t slot);
/// A live slot of the thread has another size now.
inline void log_resized(Thread &thread, uint32_t slot, uint64_t size);
/// A claimed slot is about to be given to the thread it came from.
inline void note_away(unpaired_slot &slot);
/// ... which now has it, and with it a chain of others.
inline void log_came_home(Thread &thread, uint32_t slots);

// ---- how: nothing but a test where events are not asked for ----------------------------------------------------------

namespace event_log {
void acquired(Thread &thread, uint32_t slot, uint32_t site, uint64_t size, unpaired_counter &counter);
void released(Thread &thread, uint32_t slot);
void resized(Thread &thread, uint32_t slot, uint64_t size);
void away(unpaired_slot &slot);
void came_home(Thread &thread, uint32_t slots);
} // namespace event_log

inline void log_acquired(Thread &thread, uint32_t slot, uint32_t site, uint64_t size,
                         unpaired_counter &counter)
{
    if (UNPAIRED_UNLIKELY(process.every_event))
        event_log::acquired(thread, slot, site, size, counter);
}
inline void log_released(Thread &thread, uint32_t slot)
{
    if (UNPAIRED_UNLIKELY(process.every_event))
        event_log::released(thread, slot);
}
inline void log_resized(Thread &thread, uint32_t slot, uint64_t size)
{
    if (UNPAIRED_UNLIKELY(process.every_event))
        event_log::resized(thread, slot, size);
}
inline void note_away(unpaired_slot &slot)
{
    if (UNPAIRED_UNLIKELY(process.every_event))
        event_log::away(slot);
}
inline void log_came_home(Thread &thread, uint32_t slots)
{
    if (UNPAIRED_UNLIKELY(process.every_event))
        event_log::came_home(thread, slots);
}

} // namespace unpaired
