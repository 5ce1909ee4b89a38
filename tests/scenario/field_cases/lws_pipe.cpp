// scenario: a pipe of two lwIP sockets loses one for each libwebsockets context, and nobody tried to close it
// build: -isystem /usr/include/lwip
// link: -llwip -pthread
// run: --owner lws_*=LWS
// expect: {"rule": "never-released", "severity": "leak", "family": "lwip_socket", "function": "lwip_socket",
//          "count": 10, "acquired": 10, "released": 0, "owner": "LWS", "growth": "linear", "per_cycle": 1,
//          "blame": "lws_plat_pipe_create:reader", "failed_release": null,
//          "stack": ["lws_plat_pipe_create:reader", "lws_create_event_pipes", "lws_create_context", "main"]}
// totals: {"lwip_socket": {"acquired": 20, "released": 10, "unpaired": 10, "failed_releases": 0}}
// output: 10 contexts
// fixed: ten libwebsockets contexts close both lwIP sockets of their pipes when no descriptor is overwritten
// totals: {"lwip_socket": {"acquired": 20, "released": 20, "unpaired": 0}}
// output: 10 contexts
// Field case 5. Functions are called as libwebsockets' are in its port to FreeRTOS and lwIP, and do what matters here:
// the event pipe of a context is two UDP sockets, since lwIP has no pipe. The context's destruction overwrote the
// descriptor of the first with -1 while it gave up what the event loop had of it, before lws_plat_pipe_close()
// looked at both. Debian's libwebsockets, which has real pipes, is lws_context.c.
#include "../../table/lwip_stack.h"
#include "must.h"
#include "unpaired/unpaired.h"

#include <cstdio>

constexpr int contexts = 10;
constexpr int no_socket = -1;

struct lws {
    int sockfd = no_socket;
};

struct lws_context {
    int dummy_pipe_fds[2] = {no_socket, no_socket}; // read end, write end
    lws *pipe_wsi = nullptr;
};

extern "C" { // as C: names without parameters

FRAME static void lws_plat_pipe_create(lws_context *context)
{
    int *fd = context->dummy_pipe_fds;
    fd[0] = lwip_socket(AF_INET, SOCK_DGRAM, 0); /* blame:reader */
    MUST(fd[0] >= 0);
    fd[1] = lwip_socket(AF_INET, SOCK_DGRAM, 0);
    MUST(fd[1] >= 0);
    sockaddr_in address = lwip_stack::own_address(0); // any port
    MUST(lwip_bind(fd[0], reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
}

FRAME static void lws_plat_pipe_close(lws_context *context)
{
    for (int &fd : context->dummy_pipe_fds) {
        if (fd != no_socket)
            MUST(lwip_close(fd) == 0);
        fd = no_socket;
    }
}

FRAME static void lws_create_event_pipes(lws_context *context)
{
    lws_plat_pipe_create(context);
    context->pipe_wsi = new lws;
    context->pipe_wsi->sockfd = context->dummy_pipe_fds[0];
}

FRAME static void lws_close_free_wsi_final(lws_context *context)
{
#ifndef FIXED
    if (context->dummy_pipe_fds[0] == context->pipe_wsi->sockfd)
        context->dummy_pipe_fds[0] = no_socket;
#endif
    delete context->pipe_wsi;
    context->pipe_wsi = nullptr;
}

FRAME static lws_context *lws_create_context()
{
    lws_context *context = new lws_context;
    lws_create_event_pipes(context);
    return context;
}

FRAME static void lws_context_destroy(lws_context *context)
{
    lws_close_free_wsi_final(context);
    lws_plat_pipe_close(context);
    delete context;
}

} // extern "C"

int main()
{
    lwip_stack::start();
    for (int i = 0; i < contexts; i++) {
        unpaired_mark("context");
        lws_context_destroy(lws_create_context());
    }
    std::printf("%d contexts\n", contexts);
    return 0;
}
