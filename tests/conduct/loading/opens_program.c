// link: -ldl -pthread
// before: relay_plugin
// Opens a library by name and prints which one it was, or the loader's message.
//   opens_program HOW NAME      HOW: here, thread, noload, namespace, relay
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

void *open_for(const char *name);

static const char *how, *name;

static void *open_it(void *unused)
{
    (void)unused;
    void *library;
    if (strcmp(how, "namespace") == 0)
        library = dlmopen(LM_ID_NEWLM, name, RTLD_NOW);
    else if (strcmp(how, "relay") == 0)
        library = open_for(name);
    else
        library = dlopen(name, strcmp(how, "noload") == 0 ? RTLD_NOW | RTLD_NOLOAD : RTLD_NOW);
    const char *problem = dlerror();
    const char *(*who)(void) = library != NULL ? (const char *(*)(void))dlsym(library, "who") : NULL;
    printf("%s\n", who != NULL ? who() : problem != NULL ? problem : library != NULL ? "loaded" : "nothing");
    return NULL;
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    how = arguments[1];
    name = arguments[2];
    if (strcmp(how, "thread") != 0) {
        open_it(NULL);
        return 0;
    }
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 16384);
    pthread_t thread;
    if (pthread_create(&thread, &small, open_it, NULL) != 0 || pthread_join(thread, NULL) != 0)
        return 3;
    return 0;
}
