// firmware: the stream leaves by UDP, and neither the sink's own socket nor what it sends with is in it
// families: LWIP
// config: RING=64 TASKS=4 NESTING=4 HANDLES=16
// with: rig/scheduler.c rig/malloc_lock.c lwip/vendor.c lwip/port/sys_arch.c ../../wraplib/ports/sinks/udp.c
// build: -DUNPAIRED_UDP_LWIP
// sink: none
// library: lwip
// escapes: work host
// report:
// trace: {"source": "wrap", "cycles": 6, "events_lost": 0}
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 6, "bytes": 72,
//          "blame": "lose:lost"}
// totals: {"lwip_socket": {"acquired": 6, "released": 6}}
#include "board.h"
#include "scheduler.h"
#include "unpaired/port.h"
#include "unpaired/unpaired.h"

#include "../../../wraplib/ports/sinks/udp.h"

#include "lwip/sockets.h"
#include "lwip/tcpip.h"

#include <stdlib.h>
#include <string.h>

int __real_lwip_socket(int domain, int type, int protocol);

static uint64_t work_stack[1024], host_stack[1024];
static volatile int network_is_up, host_listens;
static void *(*volatile plain)(size_t) = malloc;

FRAME static void lose(void) { plain(12); /* blame:lost */ }

/* The machine on the other side of the wire: what it receives goes to the harness. */
static void host(void *argument)
{
    static unsigned char datagram[1500];
    struct sockaddr_in address;
    int fd, length, i;
    (void)argument;
    while (!network_is_up)
        scheduler_yield();
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = lwip_htons(5555);
    fd = __real_lwip_socket(AF_INET, SOCK_DGRAM, 0); /* not the device's */
    MUST(fd >= 0 && lwip_bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    host_listens = 1;
    for (;;) {
        length = lwip_recv(fd, datagram, sizeof datagram, 0);
        MUST(length > 0);
        if (length == 4 && memcmp(datagram, "stop", 4) == 0)
            board_exit(0);
        for (i = 0; i < length; i++)
            board_put_byte(datagram[i]);
    }
}

static void work(void *argument)
{
    struct sockaddr_in address;
    int i, fd;
    (void)argument;
    while (!host_listens)
        scheduler_yield();
    MUST(unpaired_udp_begin(INADDR_LOOPBACK, 5555));
    for (i = 0; i < 6; i++) {
        unpaired_mark("request");
        fd = lwip_socket(AF_INET, SOCK_DGRAM, 0);
        MUST(fd >= 0);
        lose();
        free(plain(100));
        lwip_close(fd);
        unpaired_poll();
    }
    while (unpaired_poll() > 0) {
    }
    unpaired_udp_flush();
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = lwip_htons(5555);
    address.sin_addr.s_addr = lwip_htonl(INADDR_LOOPBACK);
    fd = __real_lwip_socket(AF_INET, SOCK_DGRAM, 0);
    lwip_sendto(fd, "stop", 4, 0, (struct sockaddr *)&address, sizeof address);
    for (;;)
        scheduler_yield();
}

static void up(void *argument)
{
    (void)argument;
    network_is_up = 1;
}

int main(void)
{
    scheduler_add("host", host, NULL, host_stack, sizeof host_stack);
    scheduler_add("work", work, NULL, work_stack, sizeof work_stack);
    tcpip_init(up, NULL);
    scheduler_run(25000);
}
