// scenario: the buffer that a stream gets at its first read or write is the stream's, a line is ours
// expect: {"rule": "never-released", "severity": "suspect", "family": "stream", "function": "fopen", "count": 3,
//          "parts": {"heap": {"count": 6}}, "blame": "use_stream:stream"}
// expect: {"rule": "never-released", "severity": "suspect", "family": "process_stream", "function": "popen", "count": 1,
//          "parts": {"heap": {"count": 2}}, "blame": "use_pipe:pipe"}
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 1, "through": "getdelim",
//          "blame": "lose_line:line"}
// text: malloc by getdelim in lose_line, stream_buffers_made_later.c:{line}
#include "must.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

FRAME static void use_stream(int i)
{
    FILE *stream = fopen("/dev/null", "r+"); /* blame:stream */
    MUST(stream);
    if (i == 0)
        MUST(fputs("its buffer is made now", stream) >= 0);
    else
        MUST(fgetc(stream) == EOF);
}

FRAME static void use_pipe(void)
{
    FILE *pipe = popen("echo line", "r"); /* blame:pipe */
    char line[16];
    MUST(pipe && fgets(line, sizeof line, pipe) != NULL);
}

FRAME static void lose_line(void)
{
    FILE *stream = fopen("/proc/self/comm", "r");
    char *line = NULL;
    size_t room = 0;
    MUST(stream && getdelim(&line, &room, '\n', stream) > 0); /* blame:line */
    memset(&line, 0, sizeof line);
    fclose(stream);
}

int main(void)
{
    int i;
    puts("a buffer of the C library's own");
    for (i = 0; i < 3; i++)
        use_stream(i);
    use_pipe();
    lose_line();
    return 0;
}
