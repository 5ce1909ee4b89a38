/* Zephyr, as far as the port uses it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#define CONFIG_THREAD_STACK_INFO 1
struct k_thread {
    struct {
        uintptr_t start;
        size_t size;
    } stack_info;
};
typedef struct k_thread *k_tid_t;
k_tid_t k_current_get(void);
bool k_is_in_isr(void);
bool k_is_pre_kernel(void);
const char *k_thread_name_get(k_tid_t thread);
uint32_t k_uptime_get_32(void);
unsigned int irq_lock(void);
void irq_unlock(unsigned int key);
