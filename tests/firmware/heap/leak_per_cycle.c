// firmware: a leak per cycle is found through the UART stream, and again in the RAM of the device after it died
// libc: nano newlib
// config: RING=64 SEND_AT_ONCE=1
// dies:
// report:
// trace: {"source": "wrap", "cycles": 6, "events_lost": 0}
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 6, "bytes": 120, "acquired": 12,
//          "released": 6, "owner": "MQTT", "blame": "mqtt_subscribe:lost", "stack": ["mqtt_connect", "main"]}
// totals: {"heap": {"acquired": 24, "released": 18, "unpaired": 6, "unpaired_bytes": 120}}
// postmortem:
// trace: {"source": "ram", "cycles": 6}
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 6, "bytes": 120,
//          "owner": "MQTT", "blame": "mqtt_subscribe:lost", "stack": ["mqtt_connect", "main"]}
#include "board.h"
#include "unpaired/unpaired.h"

#include <stdlib.h>

static void *topics;

FRAME static void *platform_memory_alloc(size_t size) { return malloc(size); }

/* What a cycle acquires here it gives back only every second time. */
FRAME static void mqtt_subscribe(int forget)
{
    topics = platform_memory_alloc(20); /* blame:lost */
    if (forget)
        topics = NULL;
    free(topics);
    topics = NULL;
}

FRAME static void mqtt_connect(void)
{
    UNPAIRED_OWNER_SCOPE("MQTT");
    void *buffer = malloc(256);
    void *packet = calloc(4, 16);
    MUST(buffer && packet);
    mqtt_subscribe(0);
    mqtt_subscribe(1);
    free(packet);
    free(buffer);
}

int main(void)
{
    int cycle;
    for (cycle = 0; cycle < 6; cycle++) {
        unpaired_mark("reconnect");
        mqtt_connect();
    }
    board_die();
}
