// scenario: an lwIP socket that was never closed owns its netconn, semaphore and mailbox
// link: -llwip -pthread
// build: -isystem /usr/include/lwip
// expect: {"rule": "never-released", "severity": "suspect", "family": "lwip_socket", "function": "lwip_socket",
//          "count": 2, "acquired": 3, "released": 1, "blame": "connect_once:socket",
//          "parts": {"netconn": {"count": 2}, "sys_sem": {"count": ">=2"}, "sys_mbox": {"count": ">=2"}}}
// What lwIP itself keeps from tcpip_init to the end is a note: it has no way to give it back.
// note: {"family": "memp", "stack": ["sys_timeouts_init", "tcpip_init"]}
// note: {"family": "sys_mbox", "stack": ["tcpip_init"]}
// note: {"family": "sys_mutex", "stack": ["tcpip_init"]}
// output: done
#include "../../table/lwip_stack.h"
#include "must.h"

#include <cstdio>

FRAME static int connect_once()
{
    int fd = lwip_socket(AF_INET, SOCK_DGRAM, 0); /* blame:socket */
    MUST(fd >= 0);
    return fd;
}

int main()
{
    lwip_stack::start();
    for (int i = 0; i < 3; i++) {
        int fd = connect_once();
        sockaddr_in address = lwip_stack::own_address(7000);
        MUST(lwip_connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
        if (i == 1)
            MUST(lwip_close(fd) == 0);
    }
    std::puts("done");
    return 0;
}
