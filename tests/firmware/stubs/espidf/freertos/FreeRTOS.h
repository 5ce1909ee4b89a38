/* ESP-IDF's FreeRTOS, as far as the port uses it. */
#include "../../freertos_kernel/FreeRTOS.h"
typedef struct {
    uint32_t owner, count;
} portMUX_TYPE;
#define portMUX_INITIALIZER_UNLOCKED \
    {                                \
        0, 0                         \
    }
void stub_enter_critical(portMUX_TYPE *mux);
void stub_exit_critical(portMUX_TYPE *mux);
#define portENTER_CRITICAL_SAFE(mux) stub_enter_critical(mux)
#define portEXIT_CRITICAL_SAFE(mux) stub_exit_critical(mux)
BaseType_t xPortInIsrContext(void);
