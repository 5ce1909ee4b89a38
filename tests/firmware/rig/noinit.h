/* The recorder's tables in memory that survives a restart; given to every source with -include. */
#define UNPAIRED_RAM_SECTION __attribute__((section(".noinit")))
