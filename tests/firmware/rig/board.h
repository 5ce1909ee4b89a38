/* What a board gives the images: a console towards the harness, an end, a death, and bytes out of a UART. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A line on the harness's side, through semihosting; not part of the stream. */
void board_say(const char *line);
/* "NAME VALUE" as a line. */
void board_tell(const char *name, uint32_t value);
/* Ends the machine with a status of 0 to 255. */
void board_exit(int status) __attribute__((noreturn));
/* What a device does that dies: faults, and hangs in the fault handler until somebody takes its RAM. */
void board_die(void) __attribute__((noreturn));
/* One byte out of the UART that the harness records. */
void board_put_byte(uint8_t byte);
/* Calls `handler` from the timer interrupt, every `cycles` cycles of the processor's clock. */
void board_tick_every(uint32_t cycles, void (*handler)(void));

int main(void);

#ifdef __cplusplus
}
#endif

/* Ends the image with status 3 where the image itself is wrong. */
#define MUST(condition)                                           \
    do {                                                          \
        if (!(condition)) {                                       \
            board_say("MUST " #condition " failed in " __FILE__); \
            board_exit(3);                                        \
        }                                                         \
    } while (0)

/* A function that stays a frame of its own: not inlined, not merged with another, and its last call is one. */
#define FRAME __attribute__((noinline, noclone, noipa, optimize("no-optimize-sibling-calls")))

#endif
