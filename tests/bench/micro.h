// What the micro-benchmarks share: a recorder that records, in a program of its own.
#pragma once

#include "recorder.h"

#include <benchmark/benchmark.h>

namespace unpaired::micro {

/// The calling thread's state; the program ends with a message if nothing is recorded.
Thread &recording_thread();

} // namespace unpaired::micro
