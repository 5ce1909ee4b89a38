/* Stands for the recorder: two hooks that count, and the dictionary. */
int __real_session_open(int device);
int __real_session_close(int session);
int __wrap_session_open(int device);
int __wrap_session_close(int session);
int hooked;

int __wrap_session_open(int device)
{
    hooked++;
    return __real_session_open(device);
}

int __wrap_session_close(int session)
{
    hooked++;
    return __real_session_close(session);
}

#ifndef NO_DICTIONARY
__asm__(".pushsection .unpaired_dictionary,\"\",%progbits\n"
        ".ascii \"unpaired 1\\nS session NUMBERED\\nF session session session\\n\"\n"
        ".ascii \"A session_open session\\nR session_close session\\n\"\n"
        ".popsection\n");
#endif
