/* As the FreeRTOS kernel's API reference declares them, as far as the port uses them. */
#ifndef STUB_FREERTOS_H
#define STUB_FREERTOS_H
#include <stddef.h>
#include <stdint.h>
typedef uint32_t TickType_t;
typedef long BaseType_t;
typedef unsigned long UBaseType_t;
typedef uint32_t StackType_t;
#define pdFALSE ((BaseType_t)0)
#define configTICK_RATE_HZ 1000
#define configRECORD_STACK_HIGH_ADDRESS 1
UBaseType_t ulPortRaiseMask(void);
void vPortRestoreMask(UBaseType_t mask);
#define portSET_INTERRUPT_MASK_FROM_ISR() ulPortRaiseMask()
#define portCLEAR_INTERRUPT_MASK_FROM_ISR(mask) vPortRestoreMask(mask)
BaseType_t xPortIsInsideInterrupt(void);
typedef struct xSTATIC_TCB {
    void *pxDummy1;
    void *pxDummy6;
    void *pxDummy8; /* with configRECORD_STACK_HIGH_ADDRESS */
} StaticTask_t;
#endif
