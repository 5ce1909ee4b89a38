/* As the FreeRTOS kernel's API reference declares them, as far as the port uses them. */
#ifndef STUB_TASK_H
#define STUB_TASK_H
#include "FreeRTOS.h"
typedef struct tskTaskControlBlock *TaskHandle_t;
#define taskSCHEDULER_NOT_STARTED ((BaseType_t)1)
TaskHandle_t xTaskGetCurrentTaskHandle(void);
BaseType_t xTaskGetSchedulerState(void);
TickType_t xTaskGetTickCount(void);
TickType_t xTaskGetTickCountFromISR(void);
char *pcTaskGetName(TaskHandle_t task);
#endif
