// firmware: what C++ new acquires is blamed on the function that said new
// libc: nano newlib
// config: RING=64 SEND_AT_ONCE=1
// report:
// expect: {"rule": "never-released", "count": 5, "bytes": 120, "blame": "open_session:lost",
//          "stack": ["open_session", "main"]}
#include "board.h"
#include "unpaired/unpaired.h"

#include <new>

struct Session {
    virtual ~Session() {}
    int fields[5];
};
struct Secure : Session {};

static Session *volatile last;

FRAME static void open_session(bool forget)
{
    last = new Secure; /* blame:lost */
    if (!forget)
        delete last;
}

FRAME static void fill()
{
    int *volatile numbers = new int[30];
    delete[] numbers;
}

int main()
{
    for (int i = 0; i < 5; i++) {
        unpaired_mark("session");
        open_session(false);
        open_session(true);
        fill();
    }
    last = nullptr;
    return 0;
}
