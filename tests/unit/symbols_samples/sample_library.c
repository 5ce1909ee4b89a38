#include "where.h"

static __attribute__((noinline)) int library_hidden(int n)
{
    where("library_hidden");
    return n + 1;
}

int library_exported(int n)
{
    int result = library_hidden(n);
    where("library_exported");
    return result + 1;
}
