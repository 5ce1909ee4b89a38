// The program of run_untrusted_text.py: its thread, owner, marks, source file and library have names that steer a terminal.
// build: -D_GNU_SOURCE
// link: -pthread -ldl
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <unpaired/unpaired.h>

#define EVIL "\033[31m\302\233m\342\200\256\377"

__attribute__((noinline)) int leak_here(void);

static void *in_a_thread(void *nothing)
{
    pthread_setname_np(pthread_self(), "t\033[2J\302\233\342\200\256");
    for (int i = 0; i < 3; i++)
        leak_here();
    return nothing;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    char line[16];
    if (argc > 1)
        dlopen(argv[1], RTLD_NOW);
    unpaired_mark("mark" EVIL);
    pthread_create(&thread, NULL, in_a_thread, NULL);
    pthread_join(thread, NULL);
    unpaired_mark("mark" EVIL);
    if (argc > 2) {
        printf("ready %d\n", getpid());
        fflush(stdout);
        return fgets(line, sizeof line, stdin) ? 0 : 9;
    }
    return 0;
}

#line 7 "/source\033]0;title\007\302\205\342\200\250/file.c"
__attribute__((noinline)) int leak_here(void)
{
    UNPAIRED_OWNER_SCOPE("\033[m\233");
    char *volatile block = malloc(100);
    strcpy(block, "block" EVIL);
    block = NULL;
    return socket(AF_INET, SOCK_STREAM, 0);
}
