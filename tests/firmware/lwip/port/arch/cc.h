/* lwIP's compiler and platform, for a Cortex-M3 with newlib. */
#ifndef ARCH_CC_H
#define ARCH_CC_H
#include <errno.h>
#include <sys/time.h>
#define LWIP_NO_UNISTD_H 0
void board_say(const char *line);
void board_exit(int status) __attribute__((noreturn));
#define LWIP_PLATFORM_DIAG(x) ((void)0)
#define LWIP_PLATFORM_ASSERT(text) \
    do {                           \
        board_say("lwIP: " text);  \
        board_exit(3);             \
    } while (0)
#define LWIP_RAND() 4u
#endif
