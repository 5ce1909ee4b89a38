// A library that opens others for the program: its own RUNPATH counts.
// link: -ldl
#include <dlfcn.h>

void *open_for(const char *name)
{
    void *volatile library = dlopen(name, RTLD_NOW); // volatile: a call, not a jump
    return library;
}
