/* Allocates memory for the search, of the kind that the first argument names; the second is a number. */
#define _GNU_SOURCE
#include "must.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct link {
    struct link *next, *previous;
};
struct node {
    long number[3];
    struct link
        link; /* points into the middle of its node: only the target's contents show that it holds the node */
};
struct item {
    struct item *next;
    long number;
};

static struct link list = {&list, &list};
static struct item *items;
static void *volatile last;

FRAME static void hold(int i)
{
    struct node *node = calloc(1, sizeof *node);
    MUST(node);
    node->number[0] = i;
    node->link = (struct link){list.next, &list};
    list.next->previous = &node->link;
    list.next = &node->link;
}

FRAME static void lose(void)
{
    last = calloc(1, 50);
    MUST(last);
    last = NULL;
}

/* Forks children that acquire little, from a parent that has much. */
static void children(int n)
{
    int i, status;
    for (i = 0; i < 5000; i++)
        hold(i);
    for (i = 0; i < n; i++) {
        const pid_t child = fork();
        if (child == 0) {
            int k;
            for (k = 0; k < 20; k++)
                hold(k);
            for (k = 0; k < 3; k++)
                lose();
            exit(0);
        }
        MUST(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    }
}

static void large_parent(int mib)
{
    const size_t size = (size_t)mib << 20;
    int status;
    pid_t child;
    char *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(room != MAP_FAILED);
    memset(room, 1, size);
    child = fork();
    if (child == 0) {
        lose();
        lose();
        exit(0);
    }
    MUST(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    MUST(munmap(room, size) == 0);
}

/* Makes a list of blocks, and loses every tenth. */
static void blocks(int n)
{
    int i;
    for (i = 0; i < n; i++) {
        struct item *item = malloc(sizeof *item);
        MUST(item);
        *item = (struct item){items, i};
        if (i % 10 != 0)
            items = item;
    }
}

int main(int argc, char **argv)
{
    MUST(argc == 3);
    if (strcmp(argv[1], "children") == 0)
        children(atoi(argv[2]));
    else if (strcmp(argv[1], "large-parent") == 0)
        large_parent(atoi(argv[2]));
    else
        blocks(atoi(argv[2]));
    return 0;
}
