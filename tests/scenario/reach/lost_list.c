// scenario: of a list whose head was lost, the head is lost and the rest with it
// expect: {"rule": "never-released", "severity": "leak", "count": 10, "reachability": "lost", "blame": "add:node",
//   "reached": {"lost": {"count": 1}, "indirectly_lost": {"count": 9}}}
// expect: {"rule": "never-released", "severity": "leak", "count": 6, "reachability": "lost", "blame": "ring:ring",
//   "reached": {"lost": {"count": 1}, "indirectly_lost": {"count": 5}}}
#include "must.h"

struct node {
    struct node *next;
    char name[24];
};

FRAME static struct node *add(struct node *list)
{
    struct node *fresh = malloc(sizeof *fresh); /* blame:node */
    MUST(fresh != NULL);
    fresh->next = list;
    return fresh;
}

/* Its last points to its first: each is held, and yet none is. */
FRAME static void ring(int count)
{
    struct node *first = NULL, *last = NULL;
    for (int i = 0; i < count; i++) {
        struct node *fresh = malloc(sizeof *fresh); /* blame:ring */
        MUST(fresh != NULL);
        fresh->next = first;
        first = fresh;
        if (last == NULL)
            last = fresh;
    }
    last->next = first;
}

FRAME static void lose_list(void)
{
    struct node *list = NULL;
    for (int i = 0; i < 10; i++)
        list = add(list);
}

/* What the calls left on the stack below main's frame is overwritten. */
FRAME static void sweep(void)
{
    volatile char ground[4096];
    for (size_t i = 0; i < sizeof ground; i++)
        ground[i] = 0;
}

int main(void)
{
    lose_list();
    ring(6);
    sweep();
    return 0;
}
