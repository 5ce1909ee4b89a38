/* Frames of every kind that a stack scan meets. The comments give CFA and place of the return address in words. */
    .syntax unified
    .cpu cortex-m3
    .thumb
    .cfi_sections .debug_frame

    .macro begin name
    .section .text.\name, "ax", %progbits
    .globl \name
    .type \name, %function
    .thumb_func
\name:
    .cfi_startproc
    .endm
    .macro end name
    .cfi_endproc
    .size \name, . - \name
    .endm
    .macro frame
    push {r4, lr}
    .cfi_def_cfa_offset 8
    .cfi_offset 4, -8
    .cfi_offset 14, -4
    .endm

/* stands for a hook */
begin hook
    bx lr
end hook

/* SP + 4, return address at SP + 3 */
begin allocate
    frame
    sub sp, #8
    .cfi_def_cfa_offset 16
    bl hook
    add sp, #8
    pop {r4, pc}
end allocate

/* SP + 2, + 1 */
begin middle
    frame
    bl allocate
    pop {r4, pc}
end middle

/* a frame pointer, as alloca needs: only r7 tells the CFA. Return address one below the CFA. */
begin with_alloca
    push {r7, lr}
    .cfi_def_cfa_offset 8
    .cfi_offset 7, -8
    .cfi_offset 14, -4
    mov r7, sp
    .cfi_def_cfa_register 7
    sub sp, sp, r0
    bl allocate
    mov sp, r7
    pop {r7, pc}
end with_alloca

/* SP + 2, + 1: called through a pointer by sorter */
begin callback
    frame
    bl allocate
    pop {r4, pc}
end callback

/* SP + 2, + 1 */
begin sorter
    frame
    blx r4
    pop {r4, pc}
end sorter

/* jumps into middle, which then returns to whoever called this */
begin tail
    b middle
end tail

/* SP + 2, + 1 */
begin calls_tail
    frame
    bl tail
    pop {r4, pc}
end calls_tail

/* SP + 2, + 1 */
begin calls_alloca
    frame
    bl with_alloca
    pop {r4, pc}
end calls_alloca

/* SP + 2, + 1 */
begin calls_sorter
    frame
    bl sorter
    pop {r4, pc}
end calls_sorter

/* assembly without rules: two words */
    .section .text.no_rules, "ax", %progbits
    .globl no_rules
    .type no_rules, %function
    .thumb_func
no_rules:
    push {r4, lr}
    bl allocate
    pop {r4, pc}
    .size no_rules, . - no_rules

/* SP + 2, + 1 */
begin calls_no_rules
    frame
    bl no_rules
    pop {r4, pc}
end calls_no_rules

/* never returns: its return address is nowhere */
begin Reset_Handler
    .cfi_undefined 14
    bl middle
    bl calls_tail
    bl calls_alloca
    bl calls_sorter
    bl calls_no_rules
    bl run
    b Reset_Handler
end Reset_Handler

    .section .unpaired_dictionary, "", %progbits
    .ascii "unpaired 1\n"
    .ascii "S heap NUMBERED\n"
    .ascii "S lwip_socket NUMBERED\n"
    .ascii "S rwlock IN_PLACE\n"
    .ascii "S pbuf COUNTED\n"
    .ascii "F heap heap heap block\n"
    .ascii "F lwip_socket lwip_socket lwIP socket\n"
    .ascii "F rwlock rwlock rwlock\n"
    .ascii "F pbuf pbuf lwIP buffer\n"
    .ascii "F pool heap block of a pool\n"
    .ascii "A malloc heap\n"
    .ascii "R free heap\n"
    .ascii "A lwip_socket lwip_socket\n"
    .ascii "R lwip_close lwip_socket\n"
    .ascii "O lwip_shutdown lwip_socket\n"
    .ascii "A os_rwlock_init rwlock\n"
    .ascii "R os_rwlock_destroy rwlock\n"
    .ascii "A pbuf_alloc pbuf\n"
    .ascii "R pbuf_free pbuf\n"
    .ascii "A pool_take pool\n"
    .ascii "P free heap\n"
