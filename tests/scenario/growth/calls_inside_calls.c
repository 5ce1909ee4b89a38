// scenario: what the C library allocates inside another call for its own ends begins no cycle
// run: --cycle=malloc
// image: {"cycles": 8, "cycle_source": "function", "cycle_name": "malloc"}
#include "must.h"

int main(void)
{
    for (int cycle = 0; cycle < 8; cycle++) {
        void *block = malloc(40);
        FILE *stream = fopen("/dev/null", "r"); /* a malloc or two inside */
        MUST(block && stream);
        MUST(fclose(stream) == 0);
        free(block);
    }
    return 0;
}
