// Says which of several libraries of one name it is.
#ifndef WHO
#define WHO "nobody"
#endif

const char *who(void) { return WHO; }
