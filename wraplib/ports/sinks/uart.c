/* Sink: a serial line that carries the stream and nothing else, written byte by byte, waiting.
 *
 *   UNPAIRED_UART_CMSDK=ADDRESS   an Arm CMSDK APB UART (CMSDK technical reference manual 4.3): its divider and
 *                                 transmit enable are set where the firmware left them at their reset values
 *   UNPAIRED_UART_16550=ADDRESS   a 16550 that the firmware has set up (or that needs none, as in QEMU);
 *                                 UNPAIRED_UART_16550_STRIDE: bytes between its registers (default 1)
 *   neither                       the firmware defines unpaired_uart_put(), which returns when the byte is on its
 *                                 way; it must not allocate */
#include "unpaired/port.h"

#if defined(UNPAIRED_UART_CMSDK)

static void unpaired_uart_put(uint8_t byte)
{
    enum { DATA, STATE, CTRL, INTERRUPT, BAUDDIV };
    volatile uint32_t *uart = (volatile uint32_t *)(uintptr_t)UNPAIRED_UART_CMSDK;
    if (uart[BAUDDIV] == 0)
        uart[BAUDDIV] = 16; /* the least that it takes */
    if (!(uart[CTRL] & 1u))
        uart[CTRL] |= 1u;
    while (uart[STATE] & 1u) { /* transmit buffer full */
    }
    uart[DATA] = byte;
}

#elif defined(UNPAIRED_UART_16550)

#ifndef UNPAIRED_UART_16550_STRIDE
#define UNPAIRED_UART_16550_STRIDE 1
#endif
static void unpaired_uart_put(uint8_t byte)
{
    volatile uint8_t *uart = (volatile uint8_t *)(uintptr_t)UNPAIRED_UART_16550;
    while (!(uart[5 * UNPAIRED_UART_16550_STRIDE] & 0x20u)) { /* LSR: transmit holding register empty */
    }
    uart[0] = byte;
}

#else

void unpaired_uart_put(uint8_t byte);

#endif

int unpaired_sink_write(const void *bytes, size_t length)
{
    const uint8_t *p = (const uint8_t *)bytes;
    while (length--)
        unpaired_uart_put(*p++);
    return 1;
}
