// scenario: a leak whose number nothing else repeats has no cycles
// image: {"cycles": 0}
// expect: {"severity": "suspect", "family": "socket", "count": 17, "per_cycle": 0, "blame": "main:leak"}
#include "must.h"

#include <sys/socket.h>

int main(void)
{
    for (int i = 0; i < 17; i++)
        MUST(socket(AF_INET, SOCK_STREAM, 0) >= 0); /* blame:leak */
    for (int i = 0; i < 40; i++)
        free(malloc(100));
    FILE *stream = fopen("/dev/null", "r");
    MUST(stream);
    MUST(fclose(stream) == 0);
    return 0;
}
