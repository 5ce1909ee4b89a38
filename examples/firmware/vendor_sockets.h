/* The vendor's network stack, as far as this device knows it. */
int lwip_socket(int domain, int type, int protocol);
int lwip_close(int socket);
int vendor_is_reachable(void);
