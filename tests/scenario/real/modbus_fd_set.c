// scenario: the abort in __fdelt_chk, when descriptor 1024 meets select, is survived into the report
// link: -lmodbus
// build: -I/usr/include/modbus
// status: 134
// native: same
// image: {"end": "signal:6"}
// expect: {"rule": "never-released", "family": "socket", "function": "accept4", "count": 1021, "acquired": 1021,
//          "blame": "serve_one:accept", "stack": ["modbus_tcp_accept", "serve_one:accept", "main"],
//          "forecast": {"limit": 1024, "limit_name": "FD_SETSIZE", "reached": true}}
// Debian's libmodbus is fortified: its FD_SET of a descriptor beyond the set aborts the program.
#include "must.h"

#include <modbus.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

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
    for (;;) {
        uint16_t value;
        modbus_t *client = modbus_new_tcp("127.0.0.1", port);
        int served = modbus_connect(client) == 0 && modbus_read_registers(client, 3, 1, &value) == 1;
        modbus_close(client);
        modbus_free(client);
        if (!served)
            _exit(0); /* the server has gone */
    }
}

int main(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    struct rlimit files;
    modbus_t *server = modbus_new_tcp("127.0.0.1", 0);
    modbus_mapping_t *registers = modbus_mapping_new(0, 0, 10, 0);
    int listener = modbus_tcp_listen(server, 5);
    MUST(server && registers && listener >= 0);
    MUST(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = 4096;
    MUST(files.rlim_max >= files.rlim_cur && setrlimit(RLIMIT_NOFILE, &files) == 0);
    MUST(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    pid_t client = fork();
    MUST(client >= 0);
    if (client == 0) {
        close(listener);
        modbus_mapping_free(registers);
        modbus_free(server);
        run_client(ntohs(address.sin_port));
    }
    for (;;)
        serve_one(server, &listener, registers);
}
