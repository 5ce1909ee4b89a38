// scenario: three sockets, seven wrapped blocks, five rwlocks and a stream are reported, each with its place and owner
// The acceptance program of the issue. Everything else it acquires it gives back.
// status: 3
// native: same
// expect: {"rule": "never-released", "severity": "suspect", "family": "socket", "function": "socket",
//          "owner": "NETW", "count": 3, "acquired": 10, "released": 7, "blame": "connect_to_broker:sock"}
// expect: {"rule": "never-released", "severity": "leak", "reachability": "lost", "family": "heap", "function": "malloc",
//          "owner": "MQTT", "count": 7, "bytes": 140, "acquired": 12, "released": 5,
//          "blame": "subscribe:block", "stack": ["platform_memory_alloc", "subscribe:block", "main"]}
// expect: {"rule": "storage-freed-live", "severity": "leak", "family": "rwlock", "function": "pthread_rwlock_init",
//          "owner": "WAMR", "count": 5, "acquired": 9, "blame": "new_prestats:lock",
//          "ended_by": {"function": "free", "stack": ["delete_prestats:unlock"]}}
// expect: {"rule": "never-released", "severity": "suspect", "family": "stream", "function": "fopen",
//          "owner": "LOGS", "count": 1, "blame": "open_log:stream"}
#include "must.h"
#include "unpaired/unpaired.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

struct prestats {
    pthread_rwlock_t lock;
    int size;
};

FRAME static void *platform_memory_alloc(size_t size)
{
    void *block = malloc(size);
    MUST(block);
    return block;
}

FRAME static void *other_user(void) { return platform_memory_alloc(64); }

FRAME static int connect_to_broker(void)
{
    UNPAIRED_OWNER_SCOPE("NETW");
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* blame:sock */
    MUST(fd >= 0);
    return fd;
}

FRAME static void *subscribe(void)
{
    UNPAIRED_OWNER_SCOPE("MQTT");
    void *topic = platform_memory_alloc(20); /* blame:block */
    return topic;
}

FRAME static struct prestats *new_prestats(int size)
{
    UNPAIRED_OWNER_SCOPE("WAMR");
    struct prestats *table = malloc(sizeof *table);
    MUST(table && pthread_rwlock_init(&table->lock, NULL) == 0); /* blame:lock */
    table->size = size;
    return table;
}

FRAME static void delete_prestats(struct prestats *table)
{
    if (table->size > 0) /* the mistake: an empty table has its lock too */
        MUST(pthread_rwlock_destroy(&table->lock) == 0);
    free(table); /* blame:unlock */
}

FRAME static FILE *open_log(void)
{
    UNPAIRED_OWNER_SCOPE("LOGS");
    FILE *log = fopen("/dev/null", "w"); /* blame:stream */
    MUST(log);
    return log;
}

int main(void)
{
    int i;
    for (i = 0; i < 10; i++) {
        int fd = connect_to_broker();
        if (i % 4 != 1)
            close(fd);
    }
    for (i = 0; i < 12; i++) {
        void *topic = subscribe();
        if (i % 2 == 0 && i < 10)
            free(topic);
    }
    for (i = 0; i < 9; i++)
        delete_prestats(new_prestats(i % 2));
    for (i = 0; i < 3; i++)
        free(other_user());
    FILE *closed = open_log();
    FILE *kept = open_log();
    fprintf(kept, "started\n");
    fclose(closed);
    puts("leaky: done");
    return 3;
}
