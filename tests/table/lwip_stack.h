// A running lwIP on Debian's unix port: its tcpip thread, and one interface that only loops back. No tap, no
// privileges, nothing leaves the process.
#pragma once

extern "C" {
#include <lwip/opt.h> // Debian's lwipopts.h declares functions without linkage
}
#include <lwip/api.h>
#include <lwip/ip4_addr.h>
#include <lwip/netif.h>
#include <lwip/sockets.h>
#include <lwip/tcpip.h>

namespace lwip_stack {

inline err_t no_output(netif *, pbuf *, const ip4_addr_t *) { return ERR_IF; }

inline err_t init_interface(netif *interface)
{
    interface->name[0] = 't';
    interface->name[1] = 't';
    interface->mtu = 1500;
    interface->output = no_output;
    interface->flags = NETIF_FLAG_UP | NETIF_FLAG_LINK_UP;
    return ERR_OK;
}

/// Starts lwIP and waits until it runs. Everything it acquires here lives as long as the program.
inline void start()
{
    static netif interface;
    sys_sem_t ready;
    sys_sem_new(&ready, 0);
    tcpip_init([](void *argument) { sys_sem_signal(static_cast<sys_sem_t *>(argument)); }, &ready);
    sys_arch_sem_wait(&ready, 0);
    sys_sem_free(&ready);
    ip4_addr_t address, mask, gateway;
    IP4_ADDR(&address, 10, 77, 0, 1);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    IP4_ADDR(&gateway, 0, 0, 0, 0);
    LOCK_TCPIP_CORE();
    netif_add(&interface, &address, &mask, &gateway, nullptr, init_interface, tcpip_input);
    netif_set_default(&interface);
    netif_set_up(&interface);
    netif_set_link_up(&interface);
    UNLOCK_TCPIP_CORE();
}

/// The address of the interface with `port`.
inline sockaddr_in own_address(u16_t port)
{
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = lwip_htons(port);
    address.sin_addr.s_addr = lwip_htonl(0x0a4d0001);
    return address;
}

} // namespace lwip_stack
