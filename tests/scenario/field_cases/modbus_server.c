// scenario: a Modbus server that never closes what it accepts runs out of descriptors, and is told where they went
// link: -lmodbus
// build: -I/usr/include/modbus
// status: 1
// image: {"end": "exit"}
// expect: {"rule": "never-released", "family": "socket", "function": "accept4", "count": 1020, "acquired": 1020,
//          "released": 0, "blame": "serve_one:accept", "stack": ["modbus_tcp_accept", "serve_one:accept", "main"],
//          "forecast": {"limit": 1024, "limit_name": "RLIMIT_NOFILE", "reached": true}}
// totals: {"socket": {"acquired": 1021, "unpaired": 1020}}
// output: served 1020, then: Too many open files
// fixed: the same Modbus server serves 1,100 clients and loses nothing, when it closes each connection
// totals: {"socket": {"acquired": 1101, "released": 1101, "unpaired": 0}}
// output: served 1100
// Field case 1, on Debian's libmodbus: modbus_tcp_accept() hands out the socket of each connection in the context, where
// the next one overwrites it. Its documentation leaves closing to the caller.
#include "must.h"

#include <modbus.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef FILES /* as `ulimit -n` */
#define FILES 1024
#endif
enum { CLIENTS = 1100 };

/* Serves one client until it hangs up. False if there is none to be had. */
FRAME static int serve_one(modbus_t *server, int *listener, modbus_mapping_t *registers)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    int n;
    if (modbus_tcp_accept(server, listener) < 0) /* blame:accept */
        return 0;
    while ((n = modbus_receive(server, query)) > 0)
        MUST(modbus_reply(server, query, n, registers) > 0);
#ifdef FIXED
    modbus_close(server);
#endif
    return 1;
}

/* Connects again and again, as a master that polls does. Ends early when the server has gone. */
static void poll_registers(int port)
{
    int i;
    for (i = 0; i < CLIENTS; i++) {
        uint16_t value = 0;
        modbus_t *client = modbus_new_tcp("127.0.0.1", port);
        int served = modbus_connect(client) == 0 && modbus_read_registers(client, 3, 1, &value) == 1;
        MUST(!served || value == 42);
        modbus_close(client);
        modbus_free(client);
        if (!served)
            return;
    }
}

int main(void)
{
    struct rlimit files;
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    modbus_t *server = modbus_new_tcp("127.0.0.1", 0);
    modbus_mapping_t *registers = modbus_mapping_new(0, 0, 10, 0);
    int served = 0, listener = modbus_tcp_listen(server, 5);
    MUST(server && registers && listener >= 0);
    MUST(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = FILES;
    MUST(setrlimit(RLIMIT_NOFILE, &files) == 0);
    MUST(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    registers->tab_registers[3] = 42;

    pid_t client = fork();
    MUST(client >= 0);
    if (client == 0) {
        close(listener);
        modbus_mapping_free(registers);
        modbus_free(server);
        poll_registers(ntohs(address.sin_port));
        _exit(0);
    }
    while (served < CLIENTS && serve_one(server, &listener, registers))
        served++;
    if (served < CLIENTS)
        printf("served %d, then: %s\n", served, modbus_strerror(errno));
    else
        printf("served %d\n", served);
    close(listener); /* now the client's next connection is refused */
    MUST(waitpid(client, NULL, 0) == client);
    modbus_mapping_free(registers);
    modbus_free(server);
    return served < CLIENTS;
}
