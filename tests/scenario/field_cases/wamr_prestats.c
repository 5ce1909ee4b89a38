// scenario: of a thousand WAMR instances each loses the rwlock of its fd_prestats, all at one and the same address
// run: --owner fd_*=WASI
// expect: {"rule": "storage-freed-live", "severity": "leak", "family": "rwlock", "function": "pthread_rwlock_init",
//          "count": 1000, "owner": "WASI", "acquired": 1000,
//          "stack": ["os_rwlock_init", "fd_prestats_init:init", "wasm_runtime_init_wasi", "wasm_runtime_instantiate",
//                    "main"],
//          "ended_by": {"function": "free", "stack": ["wasm_runtime_free", "wasm_runtime_destroy_wasi:free",
//                                                     "wasm_runtime_deinstantiate", "main"]}}
// totals: {"rwlock": {"acquired": 3000, "released": 2000}}
// output: prestats at 1 address
// fixed: a thousand WAMR instances lose nothing when fd_prestats destroys its rwlock in any case
// totals: {"rwlock": {"acquired": 3000, "released": 3000, "unpaired": 0}}
// output: prestats at 1 address
// Field case 3. Functions and types are called as WAMR's are, and do what matters here: fd_prestats_destroy() destroyed the
// lock only if there was a table, and a module without preopened folders never gets one. Where a lock costs memory (216
// bytes on ESP-IDF) each instance leaks it. Here the allocator hands out the same block each time, so all locks have
// one address.
#include "must.h"

#include <pthread.h>
#include <stdint.h>

enum { INSTANCES = 1000 };

typedef struct fd_table {
    pthread_rwlock_t lock;
    void *entries;
} fd_table;

typedef struct fd_prestats {
    pthread_rwlock_t lock;
    char **prestats;
    size_t size;
} fd_prestats;

typedef struct addr_pool {
    pthread_rwlock_t lock;
    struct addr_pool *next;
} addr_pool;

typedef struct WASIContext {
    fd_table *curfds;
    fd_prestats *prestats;
    addr_pool *addr_pool;
} WASIContext;

typedef struct WASMModuleInstance {
    WASIContext *wasi_ctx;
} WASMModuleInstance;

FRAME static void *wasm_runtime_malloc(size_t size)
{
    void *block = malloc(size);
    MUST(block);
    return block;
}

FRAME static void wasm_runtime_free(void *block) { free(block); }

FRAME static int os_rwlock_init(pthread_rwlock_t *lock) { return pthread_rwlock_init(lock, NULL); }

FRAME static int os_rwlock_destroy(pthread_rwlock_t *lock) { return pthread_rwlock_destroy(lock); }

FRAME static void fd_table_init(fd_table *table)
{
    table->entries = NULL;
    MUST(os_rwlock_init(&table->lock) == 0);
}

FRAME static void fd_table_destroy(fd_table *table)
{
    wasm_runtime_free(table->entries);
    MUST(os_rwlock_destroy(&table->lock) == 0);
}

FRAME static void fd_prestats_init(fd_prestats *table)
{
    table->prestats = NULL;
    table->size = 0;
    MUST(os_rwlock_init(&table->lock) == 0); /* blame:init */
}

FRAME static void fd_prestats_destroy(fd_prestats *table)
{
    size_t i;
    if (table->prestats) {
        for (i = 0; i < table->size; i++)
            wasm_runtime_free(table->prestats[i]);
        wasm_runtime_free(table->prestats);
#ifndef FIXED
        MUST(os_rwlock_destroy(&table->lock) == 0);
#endif
    }
#ifdef FIXED
    MUST(os_rwlock_destroy(&table->lock) == 0);
#endif
}

FRAME static void addr_pool_init(addr_pool *pool)
{
    pool->next = NULL;
    MUST(os_rwlock_init(&pool->lock) == 0);
}

FRAME static void addr_pool_destroy(addr_pool *pool) { MUST(os_rwlock_destroy(&pool->lock) == 0); }

FRAME static void wasm_runtime_init_wasi(WASMModuleInstance *instance)
{
    WASIContext *context = wasm_runtime_malloc(sizeof *context);
    context->curfds = wasm_runtime_malloc(sizeof *context->curfds);
    context->prestats = wasm_runtime_malloc(sizeof *context->prestats);
    context->addr_pool = wasm_runtime_malloc(sizeof *context->addr_pool);
    fd_table_init(context->curfds);
    fd_prestats_init(context->prestats);
    addr_pool_init(context->addr_pool);
    instance->wasi_ctx = context;
}

FRAME static void wasm_runtime_destroy_wasi(WASMModuleInstance *instance)
{
    WASIContext *context = instance->wasi_ctx;
    fd_table_destroy(context->curfds);
    wasm_runtime_free(context->curfds);
    fd_prestats_destroy(context->prestats);
    wasm_runtime_free(context->prestats); /* blame:free */
    addr_pool_destroy(context->addr_pool);
    wasm_runtime_free(context->addr_pool);
    wasm_runtime_free(context);
}

FRAME static WASMModuleInstance *wasm_runtime_instantiate(void)
{
    WASMModuleInstance *instance = wasm_runtime_malloc(sizeof *instance);
    wasm_runtime_init_wasi(instance);
    return instance;
}

FRAME static void wasm_runtime_deinstantiate(WASMModuleInstance *instance)
{
    wasm_runtime_destroy_wasi(instance);
    wasm_runtime_free(instance);
}

int main(void)
{
    uintptr_t last = 0;
    int addresses = 0, i;
    for (i = 0; i < INSTANCES; i++) {
        WASMModuleInstance *instance = wasm_runtime_instantiate();
        const uintptr_t now = (uintptr_t)instance->wasi_ctx->prestats;
        addresses += now != last;
        last = now;
        wasm_runtime_deinstantiate(instance);
    }
    printf("prestats at %d address%s\n", addresses, addresses == 1 ? "" : "es");
    return 0;
}
