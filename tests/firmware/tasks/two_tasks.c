// firmware: what two tasks acquire on stacks of their own is theirs by the tasks' names, alive and dead
// config: RING=64 SEND_AT_ONCE=1 TASKS=4 NESTING=4
// with: rig/scheduler.c rig/malloc_lock.c
// dies:
// report:
// trace: {"events_lost": 0}
// expect: {"rule": "never-released", "count": 8, "bytes": 240, "owner": "MQTT", "blame": "publish:mqtt",
//          "stack": ["publish", "mqtt_work", "mqtt_task"]}
// expect: {"rule": "never-released", "count": 8, "bytes": 400, "owner": "MODB", "blame": "read_register:modbus",
//          "stack": ["read_register", "modbus_work", "modbus_task"]}
// totals: {"heap": {"acquired": 32, "released": 16, "unpaired": 16}}
// postmortem:
// expect: {"rule": "never-released", "severity": "leak", "count": ">=7", "owner": "MQTT", "blame": "publish:mqtt",
//          "reachability": "lost", "stack": ["publish", "mqtt_work", "mqtt_task"]}
// expect: {"rule": "never-released", "severity": "leak", "count": 8, "bytes": 400, "owner": "MODB",
//          "blame": "read_register:modbus", "reachability": "lost", "stack": ["read_register", "modbus_work", "modbus_task"]}
// totals: {"heap": {"unpaired": 16, "unpaired_bytes": 640}}
#include "board.h"
#include "scheduler.h"
#include "unpaired/unpaired.h"

#include <stdlib.h>

static uint64_t mqtt_stack[256], modbus_stack[256];
static volatile int finished;
static void *volatile last;

FRAME static void publish(void) { last = malloc(30); /* blame:mqtt */ }
FRAME static void mqtt_work(void)
{
    void *p = malloc(100);
    publish();
    scheduler_yield();
    free(p);
}
static void mqtt_task(void *argument)
{
    int i;
    (void)argument;
    for (i = 0; i < 8; i++) {
        unpaired_mark("message");
        mqtt_work();
    }
    finished++;
    for (;;) {
        if (finished == 2)
            board_die();
        scheduler_yield();
    }
}

FRAME static void read_register(void) { last = malloc(50); /* blame:modbus */ }
FRAME static void modbus_work(void)
{
    void *p = malloc(60);
    scheduler_yield();
    read_register();
    free(p);
}
static void modbus_task(void *argument)
{
    int i;
    (void)argument;
    for (i = 0; i < 8; i++)
        modbus_work();
    finished++;
    for (;;)
        scheduler_yield();
}

int main(void)
{
    scheduler_add("mqtt_rx", mqtt_task, NULL, mqtt_stack, sizeof mqtt_stack);
    scheduler_add("modbus", modbus_task, NULL, modbus_stack, sizeof modbus_stack);
    scheduler_run(25000);
}
