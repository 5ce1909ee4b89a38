/* A Modbus TCP server that accepts and never closes: field case 1.
 *
 *     modbus_server PORT_FILE [CONNECTIONS]
 *
 * Listens on a free loopback port and writes its number to PORT_FILE (which appears whole: it is renamed into
 * place). Serves CONNECTIONS clients (default 100), each with one register read, then ends normally. The loop
 * reuses the context: modbus_tcp_accept() stores the new socket over the old one, which nobody can close any
 * more. That is the mistake; modbus_close() after each client would be the fix. */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Serves one client until it hangs up. */
static int serve_one(modbus_t *context, modbus_mapping_t *registers, int listener)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    int length;

    if (modbus_tcp_accept(context, &listener) == -1) {
        fprintf(stderr, "modbus_server: accept: %s\n", modbus_strerror(errno));
        return -1;
    }
    while ((length = modbus_receive(context, query)) != -1)
        if (length > 0 && modbus_reply(context, query, length, registers) == -1)
            break;
    return 0; /* the socket is still open */
}

static int write_port(const char *path, int listener)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    char temporary[4096];
    FILE *file;

    if (getsockname(listener, (struct sockaddr *)&address, &size) == -1)
        return -1;
    snprintf(temporary, sizeof temporary, "%s.new", path);
    file = fopen(temporary, "w");
    if (!file)
        return -1;
    fprintf(file, "%d\n", ntohs(address.sin_port));
    if (fclose(file) != 0)
        return -1;
    return rename(temporary, path);
}

int main(int argc, char **argv)
{
    modbus_t *context;
    modbus_mapping_t *registers;
    int listener, served = 0, wanted;

    if (argc < 2) {
        fprintf(stderr, "usage: %s PORT_FILE [CONNECTIONS]\n", argv[0]);
        return 2;
    }
    wanted = argc > 2 ? atoi(argv[2]) : 100;
    context = modbus_new_tcp("127.0.0.1", 0);
    registers = modbus_mapping_new(0, 0, 16, 0);
    if (!context || !registers || (listener = modbus_tcp_listen(context, 16)) == -1 ||
        write_port(argv[1], listener) == -1) {
        fprintf(stderr, "modbus_server: %s\n", modbus_strerror(errno));
        return 1;
    }
    while (served < wanted && serve_one(context, registers, listener) == 0)
        served++;
    printf("modbus_server: served %d clients\n", served);
    close(listener);
    modbus_mapping_free(registers);
    modbus_free(context);
    return served == wanted ? 0 : 1;
}
