// firmware: real lwIP of a vendor whose close fails after a shutdown: the failed close and the shutdown are the finding
// families: LWIP
// config: RING=128 SEND_AT_ONCE=1 TASKS=4 NESTING=4 HANDLES=16
// with: rig/scheduler.c rig/malloc_lock.c lwip/vendor.c lwip/port/sys_arch.c
// library: lwip
// dies:
// report:
// trace: {"source": "wrap", "cycles": 5, "events_lost": 0}
// expect: {"rule": "release-failed", "severity": "leak", "family": "lwip_socket", "function": "lwip_socket", "count": 4,
//          "acquired": 5, "owner": "CLNT", "blame": "connect_once:socket",
//          "failed_release": {"function": "lwip_close", "result": -1, "count": 4, "preceded_by": "lwip_shutdown",
//                             "stack": ["disconnect"]}}
// expect: {"rule": "never-released", "family": "lwip_socket", "function": "lwip_accept", "count": 2,
//          "blame": "serve_one:accept"}
// postmortem:
// expect: {"rule": "release-failed", "family": "lwip_socket", "function": "lwip_socket", "count": 4,
//          "owner": "CLNT", "blame": "connect_once:socket",
//          "failed_release": {"function": "lwip_close", "result": -1, "preceded_by": "lwip_shutdown"}}
// expect: {"rule": "never-released", "family": "lwip_socket", "function": "lwip_accept", "count": 2,
//          "blame": "serve_one:accept"}
#include "board.h"
#include "scheduler.h"
#include "unpaired/unpaired.h"

#include "lwip/sockets.h"
#include "lwip/tcpip.h"

#include <string.h>

static uint64_t client_stack[1024];
static volatile int network_is_up;

static struct sockaddr_in own_address(int port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = lwip_htons((u16_t)port);
    address.sin_addr.s_addr = lwip_htonl(INADDR_LOOPBACK);
    return address;
}

FRAME static int connect_once(void)
{
    int fd = lwip_socket(AF_INET, SOCK_DGRAM, 0); /* blame:socket */
    MUST(fd >= 0);
    return fd;
}

FRAME static void disconnect(int fd, int shut)
{
    if (shut)
        lwip_shutdown(fd, SHUT_RDWR);
    lwip_close(fd);
}

/* A connection of two ends, of which the server forgets every second one. */
FRAME static void serve_one(int server, int forget)
{
    struct sockaddr_in address = own_address(7);
    int fd, client = lwip_socket(AF_INET, SOCK_STREAM, 0);
    MUST(client >= 0 && lwip_connect(client, (struct sockaddr *)&address, sizeof address) == 0);
    fd = lwip_accept(server, NULL, NULL); /* blame:accept */
    MUST(fd >= 0 && lwip_close(client) == 0);
    if (!forget)
        MUST(lwip_close(fd) == 0);
}

static void client(void *argument)
{
    struct sockaddr_in address = own_address(7);
    int i, server;
    (void)argument;
    while (!network_is_up)
        scheduler_yield();
    server = lwip_socket(AF_INET, SOCK_STREAM, 0);
    MUST(server >= 0 && lwip_bind(server, (struct sockaddr *)&address, sizeof address) == 0);
    MUST(lwip_listen(server, 2) == 0);
    for (i = 0; i < 5; i++) {
        int fd;
        unpaired_mark("connect");
        serve_one(server, i % 2);
        fd = connect_once();
        address = own_address(7000);
        MUST(lwip_connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
        disconnect(fd, i != 2);
    }
    MUST(lwip_close(server) == 0);
    board_die();
}

static void up(void *argument)
{
    (void)argument;
    network_is_up = 1;
}

int main(void)
{
    scheduler_add("clnt", client, NULL, client_stack, sizeof client_stack);
    tcpip_init(up, NULL);
    scheduler_run(25000);
}
