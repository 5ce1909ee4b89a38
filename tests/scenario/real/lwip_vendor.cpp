// scenario: an lwip_close that fails after lwip_shutdown is the finding, with the shutdown before it
// link: -llwip -pthread
// build: -isystem /usr/include/lwip
// before: vendor_plugin
// expect: {"rule": "release-failed", "severity": "leak", "family": "lwip_socket", "function": "lwip_socket",
//          "count": 4, "acquired": 5, "blame": "connect_once:socket",
//          "failed_release": {"function": "lwip_close", "result": -1, "count": 4, "preceded_by": "lwip_shutdown",
//                             "stack": ["disconnect:close"]}}
// text: 4 of 5 closes failed (-1, EALREADY), each after lwip_shutdown returned -1, at disconnect
// What lwIP itself keeps from tcpip_init to the end is a note: it has no way to give it back.
// note: {"family": "memp", "stack": ["sys_timeouts_init", "tcpip_init"]}
// note: {"family": "sys_mbox", "stack": ["tcpip_init"]}
// note: {"family": "sys_mutex", "stack": ["tcpip_init"]}
#include "../../table/lwip_stack.h"
#include "must.h"

FRAME static int connect_once()
{
    int fd = lwip_socket(AF_INET, SOCK_DGRAM, 0); /* blame:socket */
    MUST(fd >= 0);
    return fd;
}

FRAME static void disconnect(int fd, bool shut)
{
    if (shut)
        lwip_shutdown(fd, SHUT_RDWR);
    lwip_close(fd); /* blame:close */
    asm volatile("");
}

int main()
{
    lwip_stack::start();
    for (int i = 0; i < 5; i++) {
        int fd = connect_once();
        sockaddr_in address = lwip_stack::own_address(7000);
        MUST(lwip_connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
        disconnect(fd, i != 2);
    }
    return 0;
}
