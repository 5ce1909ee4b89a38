/* ESP-IDF 5, as far as the port uses it. */
#include <stdint.h>
int64_t esp_timer_get_time(void);
