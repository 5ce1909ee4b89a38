// scenario: the abort in __fdelt_chk, when descriptor 1024 meets select, is survived into the report
// link: -lmodbus
// build: -I/usr/include/modbus
// status: 134
// image: {"end": "signal:6"}
// expect: {"rule": "never-released", "family": "socket", "function": "accept4", "count": 1021, "acquired": 1021,
//          "blame": {"function": "serve_one", "file": "~modbus_server.c$"},
//          "stack": ["modbus_tcp_accept", "serve_one", "main"],
//          "forecast": {"limit": 1024, "limit_name": "FD_SETSIZE", "reached": true}}
// fixed: the same Modbus server with room for 4,096 descriptors needs no more than a few, when it closes each connection
// totals: {"socket": {"acquired": 1101, "released": 1101, "unpaired": 0}}
// output: served 1100
// Field case 1, where the limit on descriptors was raised. Debian's libmodbus is fortified: its FD_SET of a descriptor
// beyond the set aborts the program.
#define FILES 4096
#include "modbus_server.c"
