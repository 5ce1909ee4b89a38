#define _GNU_SOURCE
#include "where.h"

#include <link.h>
#include <stdint.h>
#include <stdio.h>

struct search {
    uintptr_t address, bias;
};

static int look(struct dl_phdr_info *module, size_t size, void *data)
{
    struct search *search = data;
    (void)size;
    for (int i = 0; i < module->dlpi_phnum; i++) {
        uintptr_t start = module->dlpi_addr + module->dlpi_phdr[i].p_vaddr;
        if (module->dlpi_phdr[i].p_type == PT_LOAD && search->address >= start &&
            search->address < start + module->dlpi_phdr[i].p_memsz) {
            search->bias = module->dlpi_addr;
            return 1;
        }
    }
    return 0;
}

void where_at(const char *label, int line, const void *return_address)
{
    struct search search = {(uintptr_t)return_address, 0};
    dl_iterate_phdr(look, &search);
    printf("%s %lx %lx %d\n", label, (unsigned long)search.address, (unsigned long)search.bias, line);
}
