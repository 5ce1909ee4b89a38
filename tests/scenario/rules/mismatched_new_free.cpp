// scenario: an array from new[] given to free, and an object from new given to delete[], are reported
// expect: {"rule": "mismatched-release", "severity": "suspect", "family": "new_array", "function": "_Znam", "count": 1, "bytes": 48,
//          "blame": "make_buffer:array", "ended_by": {"function": "free", "stack": ["drop:free"]}}
// expect: {"rule": "mismatched-release", "severity": "suspect", "family": "new", "function": "_Znwm", "count": 1, "bytes": 4,
//          "blame": "make_number:object", "ended_by": {"function": "_ZdaPv", "stack": ["drop_array:delete"]}}
// build: -Wno-mismatched-new-delete
#include "must.h"

FRAME static char *make_buffer()
{
    char *buffer = new char[48]; /* blame:array */
    MUST(buffer);
    return buffer;
}

FRAME static void drop(char *buffer)
{
    free(buffer); /* blame:free */
    asm volatile("");
}

FRAME static int *make_number()
{
    int *number = new int(7); /* blame:object */
    MUST(number);
    return number;
}

FRAME static void drop_array(int *number)
{
    delete[] number; /* blame:delete */
    asm volatile("");
}

int main()
{
    drop(make_buffer());
    drop_array(make_number());
    return 0;
}
