/* An application whose calls the tests name. */
void *hook(unsigned size);
int settle(int sum);

void *platform_memory_alloc(unsigned size) { return hook(size) ? hook(size + 1) : (void *)0; }

int mqtt_subscribe(int topic)
{
    void *handler = platform_memory_alloc(20);
    return handler == (void *)0 ? topic : 0;
}

int mqtt_connect(int broker)
{
    void *session = hook(40);
    return session == (void *)0 ? broker : 0;
}

int run(void)
{
    int sum = 0;
    for (int i = 0; i < 10; i++)
        sum += mqtt_connect(i) + mqtt_subscribe(i);
    return settle(sum);
}
