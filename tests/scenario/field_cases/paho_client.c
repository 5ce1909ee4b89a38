// scenario: an MQTT client on libpaho-mqtt that connects ten times, subscribes, hears itself and disconnects loses nothing
// link: -lpaho-mqtt3c
// service: mosquitto
// args: {port}
// output: heard 10
// Beside field case 2: the real library, done right.
#include "must.h"
#include "unpaired/unpaired.h"

#include <MQTTClient.h>

enum { CYCLES = 10, TIMEOUT_MS = 10000 };

static int publish_and_hear(MQTTClient client, int cycle)
{
    char text[16], *topic = NULL;
    int length = 0, heard, topic_length = snprintf(text, sizeof text, "%d", cycle);
    MQTTClient_message *message = NULL;
    MUST(MQTTClient_subscribe(client, "device/1/state", 1) == MQTTCLIENT_SUCCESS);
    MUST(MQTTClient_publish(client, "device/1/state", topic_length, text, 1, 0, NULL) == MQTTCLIENT_SUCCESS);
    MUST(MQTTClient_receive(client, &topic, &length, &message, TIMEOUT_MS) == MQTTCLIENT_SUCCESS && message);
    heard = message->payloadlen == topic_length && memcmp(message->payload, text, (size_t)topic_length) == 0;
    MQTTClient_freeMessage(&message);
    MQTTClient_free(topic);
    return heard;
}

int main(int argc, char **argv)
{
    char address[64];
    int cycle, heard = 0;
    MUST(argc == 2);
    snprintf(address, sizeof address, "tcp://127.0.0.1:%s", argv[1]);
    for (cycle = 0; cycle < CYCLES; cycle++) {
        MQTTClient client;
        MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer;
        unpaired_mark("reconnect");
        MUST(MQTTClient_create(&client, address, "device-1", MQTTCLIENT_PERSISTENCE_NONE, NULL) ==
             MQTTCLIENT_SUCCESS);
        options.cleansession = 1;
        MUST(MQTTClient_connect(client, &options) == MQTTCLIENT_SUCCESS);
        heard += publish_and_hear(client, cycle);
        MUST(MQTTClient_disconnect(client, TIMEOUT_MS) == MQTTCLIENT_SUCCESS);
        MQTTClient_destroy(&client);
    }
    printf("heard %d\n", heard);
    return 0;
}
