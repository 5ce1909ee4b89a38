/* A library whose resource only its user knows: widgets.def. */
int widget_open(int colour);
int widget_close(int widget);

static unsigned char in_use[64];

int widget_open(int colour)
{
    int widget;
    for (widget = 0; widget < 64; widget++)
        if (!in_use[widget]) {
            in_use[widget] = 1;
            return colour < 0 ? -1 : widget;
        }
    return -1;
}

int widget_close(int widget)
{
    if (widget < 0 || widget >= 64 || !in_use[widget])
        return -1;
    in_use[widget] = 0;
    return 0;
}
