// scenario: an MQTT client loses two subscriptions with each reconnect, and now and then a socket
// link: -pthread
// service: mosquitto
// args: {port}
// run: --owner mqtt_*=MQTT
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "function": "malloc", "owner": "MQTT",
//          "count": 40, "bytes": 1600, "acquired": 40, "released": 0, "growth": "linear", "per_cycle": 2,
//          "stack": ["platform_memory_alloc", "mqtt_msg_handler_create:handler", "mqtt_subscribe", "send_state:first",
//                    "main"]}
// expect: {"rule": "never-released", "severity": "leak", "family": "socket", "function": "socket", "owner": "MQTT",
//          "count": 4, "acquired": 20, "released": 16, "blame": "platform_net_socket_connect:socket",
//          "stack": ["platform_net_socket_connect:socket", "network_connect", "mqtt_connect", "send_state", "main"]}
// totals: {"heap": {"acquired": ">=100", "released": 60}, "socket": {"acquired": 24, "released": 20}}
// output: 20 reconnects
// fixed: the same MQTT client gives all of it back, when the list gives up its handlers and disconnect closes its own socket
// totals: {"heap": {"acquired": ">=100", "released": 100}, "socket": {"acquired": 20, "released": 20, "unpaired": 0}}
// output: 20 reconnects
// Field case 2. A small client that speaks MQTT 3.1.1 to the real mosquitto, with the functions and the two mistakes that
// kawaii-mqtt had, in a device that saves power: it connects, subscribes, sends its state, and disconnects at once.
// - Per connection five blocks are acquired through platform_memory_alloc(), and three are freed. The handler of a
//   subscription (20 bytes on 32 bits, 40 here) waits in the list of expected acknowledgements; the SUBACK, which would
//   move it to its own list, has no time to be read, and with the list's entry goes the last pointer to it.
// - A disconnect first tells the broker and then closes. The client's thread, if it runs in between, finds the client
//   not connected and reconnects; its socket overwrites the one that was to be closed.
#include "must.h"
#include "unpaired/unpaired.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { CYCLES = 20, PACKET = 128 };
enum { CONNECT = 1, CONNACK, PUBLISH, SUBSCRIBE = 8, SUBACK = 9, DISCONNECT = 14 };
enum { CLIENT_STATE_DISCONNECTED, CLIENT_STATE_CONNECTED, CLIENT_STATE_INVALID };

typedef struct mqtt_list {
    struct mqtt_list *next, *prev;
} mqtt_list_t;

typedef void (*message_handler_t)(const char *topic, const void *payload, size_t length);

typedef struct message_handlers {
    mqtt_list_t list;
    int qos;
    const char *topic_filter;
    message_handler_t handler;
} message_handlers_t;

typedef struct ack_handlers {
    mqtt_list_t list;
    int type;
    uint16_t packet_id;
    message_handlers_t *handler;
} ack_handlers_t;

typedef struct platform_thread {
    pthread_t thread;
} platform_thread_t;

typedef struct network {
    uint16_t port;
    int socket;
} network_t;

typedef struct mqtt_client {
    network_t network;
    int state;
    uint16_t packet_id;
    mqtt_list_t msg_handler_list, ack_handler_list;
    platform_thread_t *thread;
    bool stopping;
    sem_t turn, had_turn; /* when mqtt_yield_thread runs; in the field the scheduler decided */
} mqtt_client_t;

FRAME static void *platform_memory_alloc(size_t size)
{
    void *block = malloc(size);
    MUST(block);
    return block;
}

FRAME static void platform_memory_free(void *block) { free(block); }

static void mqtt_list_init(mqtt_list_t *list) { list->next = list->prev = list; }

static void mqtt_list_add_tail(mqtt_list_t *node, mqtt_list_t *list)
{
    node->next = list;
    node->prev = list->prev;
    list->prev->next = node;
    list->prev = node;
}

static void mqtt_list_del(mqtt_list_t *node)
{
    node->next->prev = node->prev;
    node->prev->next = node->next;
}

FRAME static int platform_net_socket_connect(uint16_t port)
{
    const struct timeval patience = {.tv_sec = 30};
    struct sockaddr_in broker = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* blame:socket */
    broker.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    MUST(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    MUST(connect(fd, (struct sockaddr *)&broker, sizeof broker) == 0);
    return fd;
}

FRAME static void platform_net_socket_close(int fd) { MUST(close(fd) == 0); }

FRAME static void network_connect(network_t *network)
{
    network->socket = platform_net_socket_connect(network->port);
}

FRAME static void network_disconnect(network_t *network)
{
    platform_net_socket_close(network->socket);
    network->socket = -1;
}

/* Sends one packet: the fixed header, then `length` bytes. The remaining length takes one byte here. */
static void mqtt_send_packet(const mqtt_client_t *client, int type_and_flags, const void *body, size_t length)
{
    uint8_t packet[PACKET] = {(uint8_t)type_and_flags, (uint8_t)length};
    MUST(length <= sizeof packet - 2);
    memcpy(packet + 2, body, length);
    MUST(send(client->network.socket, packet, length + 2, MSG_NOSIGNAL) == (ssize_t)(length + 2));
}

FRAME static void mqtt_wait_connack(const mqtt_client_t *client)
{
    uint8_t packet[4];
    MUST(recv(client->network.socket, packet, sizeof packet, MSG_WAITALL) == sizeof packet);
    MUST(packet[0] == CONNACK << 4 && packet[3] == 0);
}

FRAME static void mqtt_connect(mqtt_client_t *client)
{
    /* MQTT 3.1.1, clean session, keep alive 60 s, client "device" */
    static const char connect_packet[] = "\0\4MQTT\4\2\0\74\0\6device";
    network_connect(&client->network);
    mqtt_send_packet(client, CONNECT << 4, connect_packet, sizeof connect_packet - 1);
    mqtt_wait_connack(client);
    client->state = CLIENT_STATE_CONNECTED;
}

FRAME static message_handlers_t *mqtt_msg_handler_create(const char *topic_filter, message_handler_t handler)
{
    message_handlers_t *created = platform_memory_alloc(sizeof *created); /* blame:handler */
    mqtt_list_init(&created->list);
    created->qos = 0;
    created->topic_filter = topic_filter;
    created->handler = handler;
    return created;
}

FRAME static void mqtt_ack_list_record(mqtt_client_t *client, int type, message_handlers_t *handler)
{
    ack_handlers_t *expected = platform_memory_alloc(sizeof *expected);
    expected->type = type;
    expected->packet_id = client->packet_id;
    expected->handler = handler;
    mqtt_list_add_tail(&expected->list, &client->ack_handler_list);
}

FRAME static void mqtt_subscribe(mqtt_client_t *client, const char *topic_filter, message_handler_t handler)
{
    const size_t length = strlen(topic_filter);
    uint8_t body[PACKET - 2] = {0};
    MUST(length + 5 <= sizeof body);
    client->packet_id++;
    body[0] = (uint8_t)(client->packet_id >> 8);
    body[1] = (uint8_t)client->packet_id;
    body[3] = (uint8_t)length;
    memcpy(body + 4, topic_filter, length);
    mqtt_send_packet(client, SUBSCRIBE << 4 | 2, body, length + 5);
    mqtt_ack_list_record(client, SUBACK, mqtt_msg_handler_create(topic_filter, handler));
}

FRAME static void mqtt_publish(mqtt_client_t *client, const char *topic, const char *text)
{
    const size_t length = strlen(topic);
    uint8_t body[PACKET - 2] = {0, (uint8_t)length};
    MUST(length + strlen(text) + 2 <= sizeof body);
    memcpy(body + 2, topic, length);
    memcpy(body + 2 + length, text, strlen(text));
    mqtt_send_packet(client, PUBLISH << 4, body, length + strlen(text) + 2);
}

FRAME static void mqtt_clean_session(mqtt_client_t *client)
{
    while (client->msg_handler_list.next != &client->msg_handler_list) {
        mqtt_list_t *first = client->msg_handler_list.next;
        mqtt_list_del(first);
        platform_memory_free(first);
    }
    while (client->ack_handler_list.next != &client->ack_handler_list) {
        ack_handlers_t *first = (ack_handlers_t *)client->ack_handler_list.next;
        mqtt_list_del(&first->list);
#ifdef FIXED
        platform_memory_free(first->handler);
#endif
        platform_memory_free(first); /* and with it the last pointer to its handler */
    }
}

/* What the client's thread does when it has its turn. */
FRAME static void mqtt_try_reconnect(mqtt_client_t *client)
{
    if (client->state == CLIENT_STATE_DISCONNECTED)
        mqtt_connect(client);
    asm volatile("");
}

FRAME static void *mqtt_yield_thread(void *argument)
{
    mqtt_client_t *client = argument;
    bool last;
    do {
        MUST(sem_wait(&client->turn) == 0);
        last = client->stopping;
        mqtt_try_reconnect(client);
        MUST(sem_post(&client->had_turn) == 0);
    } while (!last);
    return NULL;
}

static void give_turn(mqtt_client_t *client)
{
    MUST(sem_post(&client->turn) == 0 && sem_wait(&client->had_turn) == 0);
}

FRAME static void mqtt_start_thread(mqtt_client_t *client)
{
    client->stopping = false;
    client->thread = platform_memory_alloc(sizeof *client->thread);
    MUST(pthread_create(&client->thread->thread, NULL, mqtt_yield_thread, client) == 0);
}

FRAME static void mqtt_stop_thread(mqtt_client_t *client)
{
    client->state = CLIENT_STATE_INVALID;
    client->stopping = true;
    give_turn(client);
    MUST(pthread_join(client->thread->thread, NULL) == 0);
    platform_memory_free(client->thread);
}

/* `slipped_in`: the other thread has a turn between the farewell and the close. */
FRAME static void mqtt_disconnect(mqtt_client_t *client, bool slipped_in)
{
    mqtt_send_packet(client, DISCONNECT << 4, "", 0);
#ifdef FIXED
    client->state = CLIENT_STATE_INVALID; /* nobody is to reconnect this one */
#else
    client->state = CLIENT_STATE_DISCONNECTED;
#endif
    if (slipped_in)
        give_turn(client);
    mqtt_clean_session(client);
    network_disconnect(&client->network);
    asm volatile("");
}

static void on_command(const char *topic, const void *payload, size_t length)
{
    (void)topic, (void)payload, (void)length;
}

FRAME static void send_state(mqtt_client_t *client, bool slipped_in)
{
    mqtt_connect(client);
    mqtt_start_thread(client);
    mqtt_subscribe(client, "device/1/command", on_command); /* blame:first */
    mqtt_subscribe(client, "device/1/update", on_command);
    mqtt_publish(client, "device/1/state", "on");
    mqtt_disconnect(client, slipped_in);
    mqtt_stop_thread(client);
}

int main(int argc, char **argv)
{
    mqtt_client_t client = {.network = {.socket = -1}};
    int cycle;
    MUST(argc == 2);
    client.network.port = (uint16_t)atoi(argv[1]);
    mqtt_list_init(&client.msg_handler_list);
    mqtt_list_init(&client.ack_handler_list);
    MUST(sem_init(&client.turn, 0, 0) == 0 && sem_init(&client.had_turn, 0, 0) == 0);
    for (cycle = 0; cycle < CYCLES; cycle++) {
        unpaired_mark("reconnect");
        send_state(&client, cycle % 5 == 3);
    }
    MUST(sem_destroy(&client.turn) == 0 && sem_destroy(&client.had_turn) == 0);
    printf("%d reconnects\n", cycle);
    return 0;
}
