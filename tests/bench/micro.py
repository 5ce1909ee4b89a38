"""Micro-benchmarks of the recorder's parts: runs the Google Benchmark program that tests/bench/micro_*.cpp make."""
import json
import subprocess


def measure_micro(bench, chosen):
    del chosen
    program = bench.build / "bench/unpaired_micro"
    if not program.exists():
        bench.cannot("micro-benchmarks", f"the build left no {program} (CMake option UNPAIRED_BENCHMARKS)")
        return
    told = subprocess.run([program, "--benchmark_format=json", f"--benchmark_repetitions={3 if bench.quick else bench.rounds}",
                           f"--benchmark_min_time={0.01 if bench.quick else 0.1}", "--benchmark_report_aggregates_only=true"],
                          capture_output=True, text=True, check=False, cwd=bench.memory_folder)
    if told.returncode != 0:
        bench.cannot("micro-benchmarks", told.stderr)
        return
    rows = []
    for one in json.loads(told.stdout)["benchmarks"]:
        if one.get("error_occurred"):
            bench.cannot(one["run_name"], one["error_message"])
        elif one.get("aggregate_name") == "median":
            bench.keep("micro", one["run_name"], "unpaired", nanoseconds=one["cpu_time"])
            rows.append([one["run_name"].partition("/iterations:")[0], f"{one['cpu_time']:.1f} ns"])
    bench.show("Micro-benchmarks of the recorder's parts: medians of processor time (Google Benchmark)", ["part", "time"], rows)
