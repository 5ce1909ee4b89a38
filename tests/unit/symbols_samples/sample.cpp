#include "sample_inline.h"
#include "where.h"

#ifndef NO_LIBRARY
extern "C" int library_exported(int n);
#endif

namespace app {

// A call and the where() behind it share a line on purpose: it is the line of both.
// clang-format off
struct Server {
    template <class T> static inline __attribute__((always_inline)) T inner(T n)
    {
        where("inner");
        return n + 1;
    }
    static inline __attribute__((always_inline)) long middle(long n)
    {
        long result = inner<long>(n) + 1; where("middle");
        return result;
    }
    __attribute__((noinline)) long serve(int n)
    {
        long result = middle(n); where("serve");
        return result;
    }
};

namespace {
__attribute__((noinline)) int unnamed(int n)
{
    int result = from_header(n); where("unnamed");
    return result;
}
} // namespace
// clang-format on

} // namespace app

extern "C" __attribute__((noinline)) int mqtt_connect(int n)
{
    where("mqtt_connect");
    return n;
}

int main(int argc, char **)
{
    app::Server server;
    long result = server.serve(argc) + app::unnamed(argc) + mqtt_connect(argc);
#ifndef NO_LIBRARY
    result += library_exported(argc);
#endif
    return result == -1; // used, so that nothing above is optimised away
}
