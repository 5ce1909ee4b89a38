/* The shape of lwIP's sockets, without lwIP: its real size would only blur ours. */
int lwip_socket(int domain, int type, int protocol);
int lwip_accept(int socket, void *address, void *length);
int lwip_shutdown(int socket, int how);
int lwip_close(int socket);

static int next;
int lwip_socket(int domain, int type, int protocol) { return (domain + type + protocol) ? next++ : -1; }
int lwip_accept(int socket, void *address, void *length)
{
    (void)address;
    (void)length;
    return socket < 0 ? -1 : next++;
}
int lwip_shutdown(int socket, int how) { return socket + how < 0 ? -1 : 0; }
int lwip_close(int socket) { return socket < 0 || socket % 7 == 3 ? -1 : 0; }
