/* Sink: datagrams to a host, through BSD sockets (Linux, Zephyr) or lwIP's (UNPAIRED_UDP_LWIP). On the host:
 * `socat -u UDP-RECV:5555 CREATE:unpaired.stream`.
 *
 * Records are gathered into datagrams of UNPAIRED_UDP_DATAGRAM bytes (default 1,400; a record never straddles
 * two): a stack whose memory is followed makes events when it sends, and one datagram a record would feed itself.
 * For the same reason the events are sent by unpaired_poll() in a task of their own: UNPAIRED_SEND_AT_ONCE does
 * not go with this sink. A lost datagram is a gap, which the reader counts. Our own socket is opened by the real
 * function, so that it is not in the tables. */
#include "udp.h"
#include "unpaired/port.h"

#include <string.h>

#if UNPAIRED_SEND_AT_ONCE
#error "the UDP sink sends from unpaired_poll(): UNPAIRED_SEND_AT_ONCE must be 0"
#endif

#ifdef UNPAIRED_UDP_LWIP
#include "lwip/sockets.h"
#define udp_sendto lwip_sendto
#ifdef UNPAIRED_TABLE_LWIP
int __real_lwip_socket(int domain, int type, int protocol);
#define udp_socket __real_lwip_socket
#else
#define udp_socket lwip_socket
#endif
#else
#include <arpa/inet.h>
#include <sys/socket.h>
#define udp_sendto sendto
#define udp_socket socket
#endif

#ifndef UNPAIRED_UDP_DATAGRAM
#define UNPAIRED_UDP_DATAGRAM 1400
#endif

static int udp_fd = -1;
static struct sockaddr_in target;
static char datagram[UNPAIRED_UDP_DATAGRAM];
static size_t filled;

int unpaired_udp_begin(uint32_t address, uint16_t port)
{
    memset(&target, 0, sizeof target);
    target.sin_family = AF_INET;
    target.sin_port = htons(port);
    target.sin_addr.s_addr = htonl(address);
    if (udp_fd < 0)
        udp_fd = udp_socket(AF_INET, SOCK_DGRAM, 0);
    return udp_fd >= 0;
}

void unpaired_udp_flush(void)
{
    size_t length = filled;
    if (udp_fd < 0 || length == 0)
        return;
    filled = 0;
    /* what cannot be sent is lost, as on the way: the reader sees the gap */
    (void)udp_sendto(udp_fd, datagram, length, 0, (const struct sockaddr *)&target, sizeof target);
}

int unpaired_sink_write(const void *bytes, size_t length)
{
    if (udp_fd < 0 || length > sizeof datagram)
        return 0;
    if (length > sizeof datagram - filled)
        unpaired_udp_flush();
    memcpy(datagram + filled, bytes, length);
    filled += length;
    return 1;
}
