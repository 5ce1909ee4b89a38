/* ESP-IDF's FreeRTOS, as far as the port uses it. */
#include "../../freertos_kernel/task.h"
