// scenario: a freed list entry that still points to a block does not hold it
// expect: {"rule": "never-released", "severity": "leak", "count": 20, "reachability": "lost", "blame": "add:topic",
//   "reached": {"lost": {"count": 20}}}
#include "must.h"

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
FRAME static void drop(struct entry *entry) { free(entry); }

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
    for (int i = 0; i < 20; i++)
        drop(all[i]);
    memset(all, 0, sizeof all);
    sweep();
    return 0;
}
