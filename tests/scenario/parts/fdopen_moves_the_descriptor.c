// scenario: fdopen and fdopendir move the descriptor into the stream, whose release releases both
// expect: {"rule": "never-released", "family": "stream", "function": "fdopen", "count": 1, "blame": "wrap:fdopen",
//          "parts": {"socket": {"count": 1}}}
// totals: {"socket": {"acquired": 2, "released_unseen": 0}, "file": {"unpaired": 0, "released_unseen": 0}}
#include "must.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>

FRAME static FILE *wrap(int fd)
{
    FILE *stream = fdopen(fd, "r+"); /* blame:fdopen */
    MUST(stream);
    return stream;
}

int main(void)
{
    fclose(wrap(socket(AF_INET, SOCK_STREAM, 0)));
    FILE *kept = wrap(socket(AF_INET, SOCK_STREAM, 0));
    DIR *directory = fdopendir(open("/", O_RDONLY | O_DIRECTORY));
    MUST(directory && kept);
    MUST(closedir(directory) == 0);
    return 0;
}
