/* Uses the public header as a program does; the same in C99 and C++11. */
#include "unpaired/unpaired.h"

#include <stdio.h>

static void inner(void)
{
    UNPAIRED_OWNER_SCOPE("AB");
    unpaired_mark("again");
}

int main(void)
{
    unpaired_mark(0);
    {
        UNPAIRED_OWNER_SCOPE("MQTT");
        inner();
    }
    puts("done");
    return 0;
}
