// scenario: a duplicated socket is a socket, also through syscall(), and dup2 onto an open descriptor releases that
// expect: {"rule": "never-released", "family": "socket", "function": "dup", "count": 1, "blame": "main:dup"}
// expect: {"rule": "never-released", "family": "socket", "function": "syscall", "count": 1, "blame": "main:syscall"}
// expect: {"rule": "never-released", "family": "socket", "function": "dup2", "count": 1, "blame": "main:dup2"}
#define _GNU_SOURCE
#include "must.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    int original = socket(AF_INET, SOCK_STREAM, 0);
    int file = open("/dev/null", O_RDONLY);
    MUST(original >= 0 && file >= 0);
    MUST(dup(original) >= 0);                               /* blame:dup */
    MUST(syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0) >= 0); /* blame:syscall */
    MUST(dup2(original, file) == file);                     /* blame:dup2 */
    MUST(close(original) == 0);
    return 0;
}
