// scenario: close(-1) and free(NULL) are no leak
#include "must.h"

#include <unistd.h>

int main(void)
{
    free(NULL);
    MUST(close(-1) == -1 && errno == EBADF);
    return 0;
}
