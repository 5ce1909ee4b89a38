// scenario: ten contexts of the real libwebsockets, each with a server and a client that connects, lose nothing
// link: -lwebsockets
// output: 10 contexts, 10 connections
// Beside field case 5: Debian's libwebsockets, whose event pipe is an eventfd.
#include "must.h"
#include "unpaired/unpaired.h"

#include <libwebsockets.h>
#include <time.h>

enum { CONTEXTS = 10, TIMEOUT_S = 30 };

static int established, closed;

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    (void)wsi, (void)user, (void)in, (void)length;
    if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED) {
        established++;
        return -1; /* closes it */
    }
    closed += reason == LWS_CALLBACK_CLIENT_CLOSED || reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR;
    return 0;
}

static const struct lws_protocols protocols[] = {{.name = "echo", .callback = on_event}, {0}};

static void connect_to(struct lws_context *context, struct lws_vhost *server)
{
    const time_t deadline = time(NULL) + TIMEOUT_S;
    struct lws_client_connect_info info;
    memset(&info, 0, sizeof info);
    info.context = context;
    info.vhost = server;
    info.address = info.host = info.origin = "127.0.0.1";
    info.port = lws_get_vhost_listen_port(server);
    info.path = "/";
    info.protocol = "echo";
    closed = 0;
    MUST(lws_client_connect_via_info(&info));
    while (!closed && time(NULL) < deadline)
        MUST(lws_service(context, 0) >= 0);
    MUST(closed);
}

int main(void)
{
    int i;
    lws_set_log_level(LLL_ERR, NULL);
    for (i = 0; i < CONTEXTS; i++) {
        struct lws_context_creation_info info;
        struct lws_context *context;
        struct lws_vhost *server;
        unpaired_mark("context");
        memset(&info, 0, sizeof info);
        info.port = 0;
        info.iface = "lo";
        info.protocols = protocols;
        info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DISABLE_IPV6;
        context = lws_create_context(&info);
        MUST(context);
        server = lws_create_vhost(context, &info);
        MUST(server);
        connect_to(context, server);
        lws_context_destroy(context);
    }
    printf("%d contexts, %d connections\n", i, established);
    return 0;
}
