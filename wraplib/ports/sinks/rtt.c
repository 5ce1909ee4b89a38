/* Sink: SEGGER's Real Time Transfer: the debug probe fetches the bytes out of RAM while the processor runs. A
 * record that does not fit is refused, never waited for: the ring keeps it, and counts what it has to drop.
 *
 * By default the control block is one of our own, laid out as SEGGER documents it (RTT, "How RTT works"): the
 * probe finds it by its identifier in RAM. A firmware that has SEGGER's RTT already defines
 * UNPAIRED_RTT_SEGGER, so that there is one control block: then SEGGER's SEGGER_RTT.h is included and channel
 * UNPAIRED_RTT_CHANNEL (default 1) is ours.
 *
 * UNPAIRED_RTT_BUFFER: bytes of the up buffer (default 1024). Reading, e.g. with OpenOCD:
 *   rtt setup 0x20000000 0x10000 "SEGGER RTT"; rtt start; rtt server start 9000 0 */
#include "unpaired/port.h"

#include <string.h>

#ifndef UNPAIRED_RTT_BUFFER
#define UNPAIRED_RTT_BUFFER 1024
#endif

static char up_buffer[UNPAIRED_RTT_BUFFER];

#ifdef UNPAIRED_RTT_SEGGER
#include "SEGGER_RTT.h"

#ifndef UNPAIRED_RTT_CHANNEL
#define UNPAIRED_RTT_CHANNEL 1
#endif

int unpaired_sink_write(const void *bytes, size_t length)
{
    static int configured;
    if (!configured) {
        SEGGER_RTT_ConfigUpBuffer(UNPAIRED_RTT_CHANNEL, "unpaired", up_buffer, sizeof up_buffer,
                                  SEGGER_RTT_MODE_NO_BLOCK_SKIP);
        configured = 1;
    }
    return SEGGER_RTT_WriteNoLock(UNPAIRED_RTT_CHANNEL, bytes, (unsigned)length) == length;
}

#else

struct up_channel {
    const char *name;
    char *buffer;
    unsigned size;
    volatile unsigned write; /* ours */
    volatile unsigned read;  /* the probe's */
    unsigned flags;          /* 0: skip what does not fit */
};

/* What the probe looks for. A down channel of size 0 keeps tools content that expect one. */
struct {
    char identifier[16];
    int up_channels, down_channels;
    struct up_channel up, down;
} unpaired_rtt;

static void set_up(void)
{
    /* Written backwards, so that nothing that searches RAM finds it half made, nor the text here. */
    static const char reversed[] = "TTR REGGES";
    unsigned i;
    unpaired_rtt.up_channels = 1;
    unpaired_rtt.down_channels = 1;
    unpaired_rtt.up.name = "unpaired";
    unpaired_rtt.up.buffer = up_buffer;
    unpaired_rtt.up.size = sizeof up_buffer;
    __asm__ volatile("" ::: "memory");
    for (i = 0; i < sizeof reversed - 1; i++)
        unpaired_rtt.identifier[sizeof reversed - 2 - i] = reversed[i];
}

int unpaired_sink_write(const void *bytes, size_t length)
{
    unsigned write, used, first;
    if (unpaired_rtt.up.size == 0)
        set_up();
    write = unpaired_rtt.up.write;
    used = (write + sizeof up_buffer - unpaired_rtt.up.read) % sizeof up_buffer;
    if (length >= sizeof up_buffer - used) /* one byte stays free: full and empty differ */
        return 0;
    first = sizeof up_buffer - write;
    if (first > length)
        first = (unsigned)length;
    memcpy(up_buffer + write, bytes, first);
    memcpy(up_buffer, (const char *)bytes + first, length - first);
    __asm__ volatile("" ::: "memory"); /* the bytes before the offset that publishes them */
    unpaired_rtt.up.write = (unsigned)((write + length) % sizeof up_buffer);
    return 1;
}

#endif
