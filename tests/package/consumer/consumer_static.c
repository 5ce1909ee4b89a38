#include "unpaired/unpaired.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void *(*volatile take)(size_t) = malloc;

/* A static program, which nothing can be preloaded into: it loses a block, and a mutex, for MQTT. */
int main(void)
{
    pthread_mutex_t *mutex = take(sizeof *mutex);
    UNPAIRED_OWNER_SCOPE("MQTT");
    pthread_mutex_init(mutex, NULL);
    free(strdup("given back"));
    return take(1234) == NULL;
}
