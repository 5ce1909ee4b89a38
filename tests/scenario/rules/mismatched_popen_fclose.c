// scenario: a stream from popen given to fclose is reported as mismatched
// expect: {"rule": "mismatched-release", "family": "process_stream", "function": "popen", "count": 1,
//          "blame": "start:popen", "ended_by": {"function": "fclose", "stack": ["stop:fclose"]}}
#include "must.h"

FRAME static FILE *start(void)
{
    FILE *pipe = popen("exec true", "r"); /* blame:popen */
    MUST(pipe);
    return pipe;
}

FRAME static void stop(FILE *pipe)
{
    while (fgetc(pipe) != EOF)
        ;
    fclose(pipe); /* blame:fclose */
    __asm__ volatile("");
}

int main(void)
{
    stop(start());
    return 0;
}
