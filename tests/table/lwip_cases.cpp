#include "cases.h"
#include "lwip_stack.h"

#include <lwip/mem.h>
#include <lwip/memp.h>
#include <lwip/pbuf.h>
#include <lwip/sys.h>

namespace {

const bool running = (lwip_stack::start(), true);

/// A listening lwIP socket with one connection waiting, made anew for each acquisition.
struct Listener {
    Listener() : fd(lwip_socket(AF_INET, SOCK_STREAM, 0)), client(lwip_socket(AF_INET, SOCK_STREAM, 0))
    {
        static u16_t port = 4000;
        sockaddr_in address = lwip_stack::own_address(port++);
        auto *generic = reinterpret_cast<sockaddr *>(&address);
        MUST(running && lwip_bind(fd, generic, sizeof address) == 0 && lwip_listen(fd, 1) == 0);
        MUST(lwip_connect(client, generic, sizeof address) == 0);
    }
    Listener(const Listener &) = delete;
    ~Listener()
    {
        lwip_close(client);
        lwip_close(fd);
    }
    int fd, client;
};

/// The same with netconns.
struct Waiting {
    Waiting() : listener(netconn_new(NETCONN_TCP)), client(netconn_new(NETCONN_TCP))
    {
        static u16_t port = 5000;
        ip_addr_t address;
        IP_ADDR4(&address, 10, 77, 0, 1);
        MUST(running && netconn_bind(listener, &address, port) == ERR_OK &&
             netconn_listen(listener) == ERR_OK);
        MUST(netconn_connect(client, &address, port++) == ERR_OK);
    }
    Waiting(const Waiting &) = delete;
    ~Waiting()
    {
        netconn_delete(client);
        netconn_delete(listener);
    }
    netconn *listener, *client;
};

} // namespace

CASE(lwip_socket, int, MUST(held(it = lwip_socket(AF_INET, SOCK_DGRAM, 0))), lwip_close(it))
CASE(lwip_accept, int, Listener from; MUST(held(it = lwip_accept(from.fd, nullptr, nullptr))), lwip_close(it))
CASE(lwip_shutdown, int, Listener from; MUST(held(it = lwip_accept(from.fd, nullptr, nullptr)));
     MUST(lwip_shutdown(it, SHUT_WR) == 0), lwip_close(it))
CASE(lwip_close, int, MUST(held(it = lwip_socket(AF_INET, SOCK_DGRAM, 0))), lwip_close(it))

CASE(netconn_new_with_proto_and_callback, netconn *,
     MUST(it = netconn_new_with_proto_and_callback(NETCONN_UDP, 0, nullptr)), netconn_delete(it))
CASE(netconn_accept, netconn *, Waiting from;
     MUST(netconn_accept(from.listener, &it) == ERR_OK), netconn_delete(it))
CASE(netconn_delete, netconn *, MUST(it = netconn_new(NETCONN_UDP)), netconn_delete(it))

CASE(pbuf_alloc, pbuf *, MUST(it = pbuf_alloc(PBUF_RAW, 20, PBUF_RAM)), pbuf_free(it))
CASE(pbuf_ref, pbuf *, MUST(it = pbuf_alloc(PBUF_RAW, 20, PBUF_RAM));
     pbuf_ref(it), (pbuf_free(it), pbuf_free(it)))
CASE(pbuf_free, pbuf *, MUST(it = pbuf_alloc(PBUF_RAW, 20, PBUF_RAM)), pbuf_free(it))

CASE(mem_malloc, void *, MUST(it = mem_malloc(20)), mem_free(it))
CASE(mem_calloc, void *, MUST(it = mem_calloc(4, 5)), mem_free(it))
CASE(mem_free, void *, MUST(it = mem_malloc(20)), mem_free(it))
CASE(memp_malloc, void *, MUST(it = memp_malloc(MEMP_NETBUF)), memp_free(MEMP_NETBUF, it))
CASE(memp_free, void *, MUST(it = memp_malloc(MEMP_NETBUF)), memp_free(MEMP_NETBUF, it))

CASE(sys_sem_new, sys_sem_t, MUST(sys_sem_new(&it, 0) == ERR_OK), sys_sem_free(&it))
CASE(sys_sem_free, sys_sem_t, MUST(sys_sem_new(&it, 0) == ERR_OK), sys_sem_free(&it))
CASE(sys_mutex_new, sys_mutex_t, MUST(sys_mutex_new(&it) == ERR_OK), sys_mutex_free(&it))
CASE(sys_mutex_free, sys_mutex_t, MUST(sys_mutex_new(&it) == ERR_OK), sys_mutex_free(&it))
CASE(sys_mbox_new, sys_mbox_t, MUST(sys_mbox_new(&it, 4) == ERR_OK), sys_mbox_free(&it))
CASE(sys_mbox_free, sys_mbox_t, MUST(sys_mbox_new(&it, 4) == ERR_OK), sys_mbox_free(&it))
