/* What makes a word on the stack a possible return address: it points behind a call instruction. C99. */
#ifndef UNPAIRED_SCAN_H
#define UNPAIRED_SCAN_H

#include <stdint.h>

/* What is taken from a return address besides the address of the code: its Thumb bit. */
#if defined(__thumb__)
#define UNPAIRED_CODE_BIT 1u
#else
#define UNPAIRED_CODE_BIT 0u
#endif

/* A distance into the code in units of 2 bytes, elsewhere in bytes. An odd one, which no return address has, becomes
 * more than any code is long, so that one comparison tells. */
static inline uintptr_t unpaired_code_units(uintptr_t distance)
{
#if defined(__thumb__)
    return distance >> 1 | distance << 31;
#elif defined(__riscv)
    return distance >> 1 | distance << (__riscv_xlen - 1);
#else
    return distance;
#endif
}

/* Whether the instruction before `address` is a call. The 8 bytes before it are code. */
static inline int unpaired_behind_call(uintptr_t address)
{
#if defined(__thumb__)
    /* ARMv7-M A7.7.18: BL is 11110Sxxxxxxxxxx 11J1Jxxxxxxxxxxx; A7.7.19: BLX Rm is 010001111mmmm000 */
#if defined(__ARM_FEATURE_UNALIGNED)
    const struct __attribute__((packed, may_alias)) {
        uint32_t before;
    } *const code = (const void *)(address - 4u);
    const uint32_t two = code->before;
#else
    const uint16_t *code = (const uint16_t *)address;
    const uint32_t two = (uint32_t)code[-1] << 16 | code[-2];
#endif
    return (two & 0xd000f800u) == 0xd000f000u || two >> 23 == 0x8fu;
#elif defined(__riscv)
    /* jal and jalr with the link register ra or t0; c.jalr 1001rrrrr0000010 with r not 0; c.jal 001xxxxxxxxxxx01
     * (RV32 alone) */
    const uint16_t *code = (const uint16_t *)address;
    const uint32_t last = code[-1], first = code[-2];
    const uint32_t link = first & 0xfffu;
    if (link == 0x0efu || link == 0x2efu)
        return 1;
    if ((first & 0x7fffu) == 0x00e7u || (first & 0x7fffu) == 0x02e7u) /* jalr: funct3 is 0 */
        return 1;
    if ((last & 0xf07fu) == 0x9002u && (last & 0xf80u) != 0)
        return 1;
#if __riscv_xlen == 32
    if ((last & 0xe003u) == 0x2001u)
        return 1;
#endif
    return 0;
#elif defined(__aarch64__)
    /* BL 100101...; BLR and its authenticated forms 1101011x00111111 */
    const uint32_t code = ((const uint32_t *)address)[-1];
    return code >> 26 == 0x25u || (code & 0xfefff000u) == 0xd63f0000u;
#elif defined(__x86_64__)
    /* CALL rel32 is E8; CALL r/m64 is FF /2, with 0, 1 or 4 bytes of displacement, a SIB byte or none */
    const uint8_t *code = (const uint8_t *)address;
    if (code[-5] == 0xe8)
        return 1;
    if (code[-2] == 0xff && (code[-1] & 0x38u) == 0x10u)
        return 1;
    if (code[-3] == 0xff && ((code[-2] & 0xf8u) == 0x50u || code[-2] == 0x14u))
        return 1;
    if (code[-4] == 0xff && code[-3] == 0x54u)
        return 1;
    if (code[-6] == 0xff && ((code[-5] & 0xf8u) == 0x90u || code[-5] == 0x15u))
        return 1;
    return code[-7] == 0xff && (code[-6] == 0x94u || code[-6] == 0x14u);
#else
    (void)address;
    return 0;
#endif
}

#endif
