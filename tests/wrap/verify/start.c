/* A program without a C library: begins here, and never ends. */
int main(void);
void _start(void);
void _start(void)
{
    main();
    for (;;) {
    }
}
