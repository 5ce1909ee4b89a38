// Prints which of several libraries with one name it is.
#ifndef WHO
#define WHO "nobody"
#endif

const char *who(void) { return WHO; }
