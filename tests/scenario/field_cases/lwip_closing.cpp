// scenario: 37 lwip_close after lwip_shutdown fail, the 38th connection finds no socket, and the failed closes are told
// build: -isystem /usr/include/lwip
// before: vendor_sdk_plugin
// link: -Wl,--wrap=socket,--wrap=connect,--wrap=shutdown,--wrap=close -Wl,-Bstatic -lmbedtls -lmbedx509 -lmbedcrypto -Wl,-Bdynamic -llwip -pthread
// status: 1
// expect: {"rule": "release-failed", "severity": "leak", "family": "lwip_socket", "function": "lwip_socket",
//          "count": 37, "acquired": 37, "released": 0, "stack": ["mbedtls_net_connect", "tls_connect:connect", "main"],
//          "failed_release": {"function": "lwip_close", "result": -1, "count": 37,
//                             "preceded_by": "lwip_shutdown", "preceded_by_result": 0,
//                             "stack": ["mbedtls_net_free", "tls_disconnect:free", "main"]},
//          "forecast": {"reached": true}}
// totals: {"lwip_socket": {"acquired": 38, "released": 1, "unpaired": 37, "failed_releases": 37}}
// output: connection 38 failed
// fixed: a hundred connections need two lwIP sockets when they are closed without lwip_shutdown
// totals: {"lwip_socket": {"acquired": 101, "released": 101, "unpaired": 0, "failed_releases": 0}}
// output: 100 connections
// Field case 4: Debian's liblwip with a vendor's change around it (vendor_sdk_plugin.c), and Debian's libmbedtls on top,
// whose mbedtls_net_free() shuts a socket down and then closes it. mbedtls_net_close() only closes.
#include "../../table/lwip_stack.h"
#include "must.h"
#include "unpaired/unpaired.h"

#include <cstdio>
#include <lwip/priv/tcp_priv.h>
#include <mbedtls/net_sockets.h>

namespace {

constexpr int connections = 100;

/// The broker at the other end, on lwIP's netconns: those take no socket's slot.
netconn *listen_on(u16_t port)
{
    netconn *listener = netconn_new(NETCONN_TCP);
    MUST(listener && netconn_bind(listener, IP4_ADDR_ANY, port) == ERR_OK &&
         netconn_listen(listener) == ERR_OK);
    return listener;
}

netconn *accept_on(netconn *listener)
{
    netconn *accepted;
    MUST(netconn_accept(listener, &accepted) == ERR_OK);
    return accepted;
}

/// TCP keeps a connection that has ended for two minutes more (TIME_WAIT), so that late segments find it. Lets lwIP's
/// clock go on by as much, and lwIP give up what waited.
void let_time_pass()
{
    LOCK_TCPIP_CORE();
    tcp_ticks += 2 * TCP_MSL / TCP_SLOW_INTERVAL + 1;
    tcp_slowtmr();
    UNLOCK_TCPIP_CORE();
}

} // namespace

extern "C" { // as C: names without parameters

FRAME static bool tls_connect(mbedtls_net_context *connection)
{
    mbedtls_net_init(connection);
    const char *broker = "10.77.0.1";
    return mbedtls_net_connect(connection, broker, "8883", MBEDTLS_NET_PROTO_TCP) == 0; /* blame:connect */
}

FRAME static void tls_disconnect(mbedtls_net_context *connection)
{
#ifdef FIXED
    mbedtls_net_close(connection);
#else
    mbedtls_net_free(connection); /* blame:free */
#endif
    asm volatile(""); // no tail call
}

} // extern "C"

int main()
{
    lwip_stack::start();
    int log = lwip_socket(AF_INET, SOCK_DGRAM, 0); // the device's log takes the 38th slot
    MUST(log >= 0);
    netconn *broker = listen_on(8883);
    int made = 0;
    for (; made < connections; made++) {
        unpaired_mark("reconnect");
        mbedtls_net_context connection;
        if (!tls_connect(&connection))
            break;
        netconn *other_end = accept_on(broker);
        tls_disconnect(&connection);
        netconn_delete(other_end);
    }
    if (made < connections)
        std::printf("connection %d failed\n", made + 1);
    else
        std::printf("%d connections\n", made);
    netconn_delete(broker);
    let_time_pass();
    MUST(lwip_close(log) == 0);
    return made < connections;
}
