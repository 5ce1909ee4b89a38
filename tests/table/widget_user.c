/* Leaves two of five widgets; run_user_resource.py. */
int widget_open(int colour);
int widget_close(int widget);

__attribute__((noinline)) static int paint(int colour)
{
    int widget = widget_open(colour);
    __asm__ volatile("");
    return widget;
}

int main(void)
{
    volatile int colour;
    for (colour = 1; colour <= 5; colour++) {
        int widget = paint(colour);
        if (colour % 2 == 1)
            widget_close(widget);
    }
    return widget_close(60) == -1 ? 0 : 1;
}
