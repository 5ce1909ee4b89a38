// Calls the heap through slots of all kinds: of calls, of addresses in code, of addresses in data.
#include <stdlib.h>
#include <string.h>

static void (*const in_data)(void *) = free; // in memory that is read-only after loading
void (*in_writable_data)(void *) = free;
static char *volatile forgotten;

void consume(char *text)
{
    void (*volatile in_code)(void *) = free;
    static int turn;
    switch (turn++ % 4) {
    case 0:
        free(text);
        break;
    case 1:
        in_data(text);
        break;
    case 2:
        in_writable_data(text);
        break;
    default:
        in_code(text);
    }
}

char *make(void) { return realloc(malloc(10), 2000); }

void forget(void)
{
    for (int i = 0; i < 3; i++) {
        forgotten = malloc(100); // blame:leaked
        memset(forgotten, 0, 100);
    }
    forgotten = NULL;
}
