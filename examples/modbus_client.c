/* Connects to modbus_server again and again, reads a register, and closes properly.
 *
 *     modbus_client PORT_FILE [CONNECTIONS]
 *
 * Waits for PORT_FILE to appear, at most ten seconds. Exits 0 when every connection was served. */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The port number in the file, or -1. */
static int read_port(const char *path)
{
    int port = -1;
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%d", &port) != 1)
            port = -1;
        fclose(file);
    }
    return port;
}

static int wait_for_port(const char *path)
{
    const struct timespec pause = {0, 10 * 1000 * 1000};
    int attempt, port;
    for (attempt = 0; attempt < 1000; attempt++) {
        if ((port = read_port(path)) > 0)
            return port;
        nanosleep(&pause, NULL);
    }
    return -1;
}

static int read_once(int port)
{
    uint16_t value[1];
    int result;
    modbus_t *context = modbus_new_tcp("127.0.0.1", port);

    if (!context)
        return -1;
    result = modbus_connect(context);
    if (result == 0)
        result = modbus_read_registers(context, 0, 1, value) == 1 ? 0 : -1;
    if (result != 0)
        fprintf(stderr, "modbus_client: %s\n", modbus_strerror(errno));
    modbus_close(context);
    modbus_free(context);
    return result;
}

int main(int argc, char **argv)
{
    int port, i, wanted;

    if (argc < 2) {
        fprintf(stderr, "usage: %s PORT_FILE [CONNECTIONS]\n", argv[0]);
        return 2;
    }
    wanted = argc > 2 ? atoi(argv[2]) : 100;
    port = wait_for_port(argv[1]);
    if (port < 0) {
        fprintf(stderr, "modbus_client: no server wrote its port to %s\n", argv[1]);
        return 1;
    }
    for (i = 0; i < wanted; i++)
        if (read_once(port) != 0)
            return 1;
    return 0;
}
