/* A static program that loses three blocks. */
#include <stdlib.h>
#include <string.h>

static char *kept;

int main(void)
{
    int i;
    for (i = 0; i < 3; i++)
        kept = strdup("lost");
    return kept == NULL;
}
