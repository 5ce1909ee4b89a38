// scenario: what fopen, opendir and getaddrinfo acquire inside belongs to the stream, the directory, the list
// expect: {"rule": "never-released", "severity": "suspect", "family": "stream", "function": "fopen", "count": 2,
//          "parts": {"heap": {"count": ">=2"}}, "blame": "keep_stream:stream"}
// expect: {"rule": "never-released", "severity": "suspect", "family": "dir", "function": "opendir", "count": 1,
//          "parts": {"heap": {"count": ">=1"}}, "blame": "keep_directory:directory"}
// expect: {"rule": "never-released", "family": "addrinfo", "function": "getaddrinfo", "count": 2,
//          "parts": {"heap": {"count": ">=2"}}, "blame": "keep_addresses:addresses"}
// totals: {"stream": {"acquired": 3, "released": 1, "unpaired": 2}, "dir": {"acquired": 2, "released": 1}}
#include "must.h"

#include <dirent.h>
#include <netdb.h>
#include <sys/socket.h>

FRAME static FILE *keep_stream(void)
{
    FILE *stream = fopen("/dev/null", "w"); /* blame:stream */
    MUST(stream && fputs("its buffer is made now", stream) >= 0);
    return stream;
}

FRAME static DIR *keep_directory(void)
{
    DIR *directory = opendir("/"); /* blame:directory */
    MUST(directory && readdir(directory));
    return directory;
}

FRAME static struct addrinfo *keep_addresses(void)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *list = NULL;
    MUST(getaddrinfo("127.0.0.1", "1883", &hints, &list) == 0); /* blame:addresses */
    return list;
}

int main(void)
{
    int i;
    for (i = 0; i < 3; i++) {
        FILE *stream = keep_stream();
        if (i == 1)
            fclose(stream);
        struct addrinfo *list = keep_addresses();
        if (i == 1)
            freeaddrinfo(list);
    }
    for (i = 0; i < 2; i++) {
        DIR *directory = keep_directory();
        if (i == 1)
            closedir(directory);
    }
    return 0;
}
