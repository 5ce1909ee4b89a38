/* ESP-IDF 5, as far as the port uses it. */
#include <stdbool.h>
bool esp_ptr_byte_accessible(const void *p);
