/* A device that reconnects to its server, and loses two heap blocks and sometimes a socket on the way. */
#include "vendor_sockets.h"

#include <stdlib.h>
#include <string.h>

#ifdef UNPAIRED_LINKED /* the firmware is built without unpaired as well */
#include "unpaired/unpaired.h"
#else
#define UNPAIRED_OWNER_SCOPE(magic) ((void)0)
#define unpaired_mark(name) ((void)0)
#endif

void died(void);

struct topic {
    char *name;
    struct topic *next;
};

static struct topic *topics;

__attribute__((noinline)) static void subscribe(const char *name)
{
    struct topic *topic = malloc(sizeof *topic + 12);
    if (!topic)
        return;
    topic->name = malloc(20);
    if (topic->name)
        strncpy(topic->name, name, 19);
    topic->next = topics;
    topics = topic;
}

__attribute__((noinline)) static void disconnect(void)
{
    topics = NULL; /* the mistake: the list is forgotten, not freed */
}

__attribute__((noinline)) static void reconnect(void)
{
    UNPAIRED_OWNER_SCOPE("MQTT");
    int server = lwip_socket(2, 1, 0);
    subscribe("device/state");
    if (vendor_is_reachable())
        lwip_close(server);
    disconnect();
}

int main(void)
{
    int cycle;
    for (cycle = 0; cycle < 8; cycle++) {
        unpaired_mark("reconnect");
        reconnect();
    }
    died(); /* out of sockets, say */
    return 0;
}
