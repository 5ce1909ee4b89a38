// scenario: a freed list entry that still points to a block does not hold it, and the report says which it was
// expect: {"rule": "never-released", "severity": "leak", "count": 20, "reachability": "lost", "blame": "add:topic",
//   "reached": {"lost": {"count": 20}},
//   "last_holder": {"count": 20, "size": 48, "function": "free", "at": {"function": "drop"},
//                   "stack": ["drop:drop", "main"]}}
// expect: {"rule": "never-released", "severity": "leak", "count": 1, "reachability": "lost", "blame": "lose:again",
//   "last_holder": null}
// text: the last pointer to each stands in a block of 48 B freed by free in drop, freed_holder.c:{drop}
#include "must.h"

#include <stdint.h>

struct entry {
    char header[40];
    char *topic;
};

FRAME static struct entry *add(void)
{
    struct entry *entry = malloc(sizeof *entry);
    MUST(entry != NULL);
    entry->topic = malloc(20); /* blame:topic */
    MUST(entry->topic != NULL);
    return entry;
}

/* The bug: the topic had to be freed first. Small entries wait in the allocator's lists, as they were. */
FRAME static void drop(struct entry *entry)
{
    free(entry); /* blame:drop */
    asm volatile("");
}

/* No bug, but the entry goes on pointing to where its topic was: that it held what comes there next is not true. */
FRAME static uintptr_t drop_all(struct entry *entry)
{
    const uintptr_t topic = (uintptr_t)entry->topic;
    free(entry->topic);
    free(entry);
    return topic;
}

FRAME static void lose(uintptr_t where)
{
    char *again = malloc(20); /* blame:again */
    MUST((uintptr_t)again == where);
}

FRAME static void sweep(void)
{
    volatile char ground[4096];
    for (size_t i = 0; i < sizeof ground; i++)
        ground[i] = 0;
}

int main(void)
{
    struct entry *all[20];
    for (int i = 0; i < 20; i++)
        all[i] = add();
    lose(drop_all(add()));
    for (int i = 0; i < 20; i++)
        drop(all[i]);
    memset(all, 0, sizeof all);
    sweep();
    return 0;
}
