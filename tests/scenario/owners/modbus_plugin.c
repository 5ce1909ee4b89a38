/* A library of its own, for rules.c and module_names.c. */
#include <fcntl.h>

void modbus_connect(void);
void modbus_connect(void)
{
    open("/dev/null", O_RDONLY); /* blame:modbus */
    __asm__ volatile("");
}
