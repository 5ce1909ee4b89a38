/* What the firmware calls of the UDP sink. C99. */
#ifndef UNPAIRED_SINK_UDP_H
#define UNPAIRED_SINK_UDP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Begins sending to an IPv4 address, in host byte order (192.168.1.2: 0xc0a80102), once the network is up. Until
 * then the ring waits. Returns 0 if there is no socket to be had. */
int unpaired_udp_begin(uint32_t address, uint16_t port);

/* Sends the datagram that is being filled; to be called after unpaired_poll(), by the same task. */
void unpaired_udp_flush(void);

#ifdef __cplusplus
}
#endif
#endif
