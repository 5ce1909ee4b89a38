// scenario: without a scope, rule or thread name the module is the owner
// plugin: modbus_plugin.c
// expect: {"rule": "never-released", "family": "file", "owner": "MODB", "count": 1, "blame": "modbus_connect:modbus"}
// expect: {"rule": "never-released", "family": "file", "owner": "MODU", "count": 1, "blame": "main:own"}
#include "must.h"

#include <dlfcn.h>
#include <fcntl.h>

int main(void)
{
    void *library = dlopen(PLUGIN, RTLD_NOW);
    void (*modbus_connect)(void);
    MUST(library);
    *(void **)&modbus_connect = dlsym(library, "modbus_connect");
    MUST(modbus_connect);
    MUST(open("/dev/null", O_RDONLY) >= 0); /* blame:own */
    modbus_connect();
    MUST(dlclose(library) == 0);
    return 0;
}
