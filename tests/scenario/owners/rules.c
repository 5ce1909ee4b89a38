// scenario: owner rules by function, by source file and by library decide, the innermost frame first
// run: --owner mqtt_*=MQTT --owner */owners/rules.c=FILE --owner modbus_plugin.so=MBUS
// plugin: modbus_plugin.c
// expect: {"rule": "never-released", "family": "file", "owner": "MQTT", "count": 1, "blame": "mqtt_connect:mqtt"}
// expect: {"rule": "never-released", "family": "file", "owner": "FILE", "count": 1, "blame": "other:other"}
// expect: {"rule": "never-released", "family": "file", "owner": "MBUS", "count": 1, "blame": "modbus_connect:modbus"}
#include "must.h"

#include <dlfcn.h>
#include <fcntl.h>

FRAME static void mqtt_connect(void) { MUST(open("/dev/null", O_RDONLY) >= 0); /* blame:mqtt */ }

FRAME static void other(void) { MUST(open("/dev/null", O_RDONLY) >= 0); /* blame:other */ }

int main(void)
{
    void *library = dlopen(PLUGIN, RTLD_NOW);
    void (*modbus_connect)(void);
    MUST(library);
    *(void **)&modbus_connect = dlsym(library, "modbus_connect");
    MUST(modbus_connect);
    mqtt_connect();
    other();
    modbus_connect();
    MUST(dlclose(library) == 0);
    return 0;
}
