// scenario: owner scopes in C++ nest, and end however the block is left
// expect: {"rule": "never-released", "family": "socket", "owner": "OUTR", "count": 2, "blame": "outer:outer"}
// expect: {"rule": "never-released", "family": "socket", "owner": "INNR", "count": 1, "blame": "inner:inner"}
// expect: {"rule": "never-released", "family": "socket", "owner": "AB", "count": 1, "blame": "short_name:short"}
// expect: {"rule": "never-released", "family": "socket", "owner": "SCOP", "count": 1, "blame": "after:after"}
#include "must.h"
#include "unpaired/unpaired.h"

#include <stdexcept>
#include <sys/socket.h>

FRAME static void inner()
{
    UNPAIRED_OWNER_SCOPE("INNR");
    MUST(socket(AF_INET, SOCK_DGRAM, 0) >= 0); /* blame:inner */
    throw std::runtime_error("left by an exception");
}

FRAME static void outer()
{
    UNPAIRED_OWNER_SCOPE("OUTR");
    for (int i = 0; i < 2; i++) {
        MUST(socket(AF_INET, SOCK_DGRAM, 0) >= 0); /* blame:outer */
        if (i == 0) {
            try {
                inner();
            } catch (const std::runtime_error &) {
            }
        }
    }
}

FRAME static void short_name()
{
    UNPAIRED_OWNER_SCOPE("AB");
    MUST(socket(AF_INET, SOCK_DGRAM, 0) >= 0); /* blame:short */
}

FRAME static void after() { MUST(socket(AF_INET, SOCK_DGRAM, 0) >= 0); /* blame:after */ }

int main()
{
    outer();
    short_name();
    after();
    return 0;
}
