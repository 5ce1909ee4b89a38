"""Other tools that follow a heap, measured like us; only where asked, they are slow."""
import glob
import pathlib
import shutil
import subprocess
import time

from loops import PATHS, alone, measure_loop, nanoseconds
from programs import each_program
from rig import Recorder, median, ratio, wanted

PAIRS = 200_000


def find_library(pattern):
    found = sorted(glob.glob(f"/usr/lib/*/{pattern}"))
    return found[0] if found else None


def preloaded(library, **variables):
    """A recorder that is a library; `variables` are functions of its folder."""
    return Recorder(lambda folder: {"LD_PRELOAD": library, **{name: value(folder) for name, value in variables.items()}})


def jemalloc(bench):
    library = find_library("libjemalloc.so.2")
    if library is None:
        return bench.cannot("jemalloc's profiler", "package libjemalloc2 is not installed")
    settings = "prof:true,prof_active:true,lg_prof_sample:0"
    told = subprocess.run(["/bin/true"], env={"LD_PRELOAD": library, "MALLOC_CONF": settings}, capture_output=True, text=True,
                          check=False)
    if "conf" in told.stderr:
        return bench.cannot("jemalloc's profiler", f"Debian's library is built without it: {told.stderr.strip()}")
    return preloaded(library, MALLOC_CONF=lambda folder: f"{settings},prof_prefix:{folder}/jeprof")


def tcmalloc(bench):
    library = find_library("libtcmalloc.so.4")
    if library is None:
        return bench.cannot("tcmalloc's profiler", "package libgoogle-perftools4 is not installed")
    return preloaded(library, HEAPPROFILE=lambda folder: f"{folder}/heap")


def valgrind(bench):
    if shutil.which("valgrind") is None:
        return bench.cannot("valgrind", "package valgrind is not installed")
    return Recorder(prefix=lambda folder: ["valgrind", "-q", "--leak-check=full", f"--log-file={folder}/said"])


class Lttng:
    """A session of LTTng's that records what its libc wrapper tells: daemon and session of our own, ended afterwards."""

    def __init__(self, bench):
        self.bench, self.daemon = bench, None
        self.recorder = None

    def __enter__(self):
        library = find_library("liblttng-ust-libc-wrapper.so*")
        if library is None or shutil.which("lttng-sessiond") is None:
            self.bench.cannot("LTTng's libc wrapper", "packages lttng-tools and liblttng-ust1 are not installed")
            return self
        if subprocess.run(["lttng", "-n", "list"], capture_output=True, check=False).returncode == 0:
            self.bench.cannot("LTTng's libc wrapper", "a session daemon of somebody else's is running")
            return self
        self.daemon = subprocess.Popen(["lttng-sessiond", "--no-kernel", "--quiet"], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        place = pathlib.Path(self.bench.memory_folder, "lttng")
        steps = (["create", "unpaired-bench", f"--output={place}"], ["enable-event", "-u", "lttng_ust_libc:*"],
                 ["add-context", "-u", "-t", "vtid", "-t", "ip"], ["start"])
        for _ in range(50):
            if subprocess.run(["lttng", "-n", "list"], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.1)
        for step in steps:
            told = subprocess.run(["lttng", "-n", *step], capture_output=True, text=True, check=False)
            if told.returncode != 0:
                self.bench.cannot("LTTng's libc wrapper", f"lttng {step[0]}: {told.stdout} {told.stderr}")
                return self
        self.recorder = preloaded(library)
        return self

    def __exit__(self, *_):
        if self.daemon is not None:
            subprocess.run(["lttng", "-n", "destroy", "unpaired-bench"], capture_output=True, check=False)
            self.daemon.terminate()
            self.daemon.wait()


def measure_peers(bench, chosen):
    """What other tools add to a pair, and to a whole program."""
    with Lttng(bench) as lttng:
        known = {"LTTng's libc wrapper, one frame": lttng.recorder, "jemalloc's profiler": jemalloc(bench),
                 "tcmalloc's profiler": tcmalloc(bench), "valgrind": valgrind(bench)}
        recorders = {**bench.libraries(), **{name: recorder for name, recorder in known.items() if recorder}}
        rounds = min(bench.rounds, 3)
        pairs, load = bench.fewer(PAIRS), "heap-paths"
        measured = measure_loop(bench, f"malloc+free, {PATHS[load]}", recorders, load, pairs, rounds=rounds)
        whole = {}
        for name, title, program in each_program(bench, [], ("sqlite3",)):
            if wanted(chosen, name):
                whole = bench.interleaved(title, program.command, recorders, program.text, program.extra, rounds=rounds)
    rows = []
    for name in recorders:
        adds = nanoseconds(*measured, pairs, name) if measured and name in measured[0] and name != "native" else None
        times = ratio(whole, name) if name in whole and "native" in whole else None
        bench.keep("peers", load, name, added_ns=adds, sqlite3=times)
        if name == "native":
            rows.append([name, f"{alone(*measured, pairs):.1f} ns" if measured else "–",
                         f"{median(whole['native']):.2f} s" if "native" in whole else "–"])
        else:
            rows.append([name, f"+ {adds:,.0f} ns" if adds is not None else "–", f"{times:.2f} ×" if times else "–"])
    bench.show("Other tools: processor time of the target, depth 24, random choice of 200 paths",
               ["tool", "malloc+free", "sqlite3"], rows)
