// Starts itself again with a trace to record into, and runs the benchmarks; prints what Google Benchmark prints.
#include "micro.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <unistd.h>

namespace unpaired::micro {

Thread &recording_thread()
{
    Thread *thread = enter(stack_pointer());
    if (thread == nullptr) {
        fprintf(stderr, "unpaired_micro: nothing is recorded: cannot make the trace %s\n",
                getenv("UNPAIRED_OUTPUT"));
        _Exit(2);
    }
    return *thread;
}

} // namespace unpaired::micro

int main(int argc, char **argv)
{
    if (getenv("UNPAIRED_OUTPUT") == nullptr) { // the recorder reads it before main
        const std::string trace = "/dev/shm/unpaired-micro." + std::to_string(getpid()) + ".trace";
        setenv("UNPAIRED_OUTPUT", trace.c_str(), 1);
        execv("/proc/self/exe", argv);
        perror("unpaired_micro: /proc/self/exe");
        return 2;
    }
    unpaired::micro::recording_thread();
    unlink(getenv("UNPAIRED_OUTPUT")); // mapped, and gone with the program however that ends
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return 2;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
