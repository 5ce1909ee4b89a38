// scenario: a Modbus server that never closes what it accepts is told so
// link: -lmodbus
// build: -I/usr/include/modbus
// native: same
// image: {"end": "exit"}
// expect: {"rule": "never-released", "family": "socket", "function": "accept4", "count": 8, "acquired": 8,
//          "released": 0, "blame": "serve_one:accept", "stack": ["modbus_tcp_accept", "serve_one:accept", "main"]}
// totals: {"socket": {"acquired": 9, "unpaired": 8}}
// output: served 8
// The field case: libmodbus hands the socket of each connection to its caller, who forgets it.
#include "must.h"

#include <modbus.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONNECTIONS = 8 };

FRAME static void serve_one(modbus_t *server, int *listener, modbus_mapping_t *registers)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    int n;
    MUST(modbus_tcp_accept(server, listener) >= 0); /* blame:accept */
    while ((n = modbus_receive(server, query)) > 0)
        MUST(modbus_reply(server, query, n, registers) > 0);
}

static void run_client(int port)
{
    int i;
    for (i = 0; i < CONNECTIONS; i++) {
        uint16_t value = 0;
        modbus_t *client = modbus_new_tcp("127.0.0.1", port);
        MUST(client && modbus_connect(client) == 0);
        MUST(modbus_read_registers(client, 3, 1, &value) == 1 && value == 42);
        modbus_close(client);
        modbus_free(client);
    }
}

int main(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    modbus_t *server = modbus_new_tcp("127.0.0.1", 0);
    modbus_mapping_t *registers = modbus_mapping_new(0, 0, 10, 0);
    int i, status, listener = modbus_tcp_listen(server, CONNECTIONS);
    MUST(server && registers && listener >= 0);
    MUST(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    registers->tab_registers[3] = 42;

    pid_t client = fork();
    MUST(client >= 0);
    if (client == 0) {
        close(listener);
        run_client(ntohs(address.sin_port));
        _exit(0);
    }
    for (i = 0; i < CONNECTIONS; i++)
        serve_one(server, &listener, registers);
    MUST(waitpid(client, &status, 0) == client && status == 0);
    close(listener);
    modbus_mapping_free(registers);
    modbus_free(server);
    printf("served %d\n", i);
    return 0;
}
