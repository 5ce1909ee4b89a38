"""Memory added to the target against the bound, and a soak: what does not grow with time."""
import os
import pathlib
import socket
import subprocess
import tempfile
import time

from looks import BASE, PER_BLOCK, PER_THREAD, bound, looks, resident
from programs import each_program
from rig import Failure, Recorder, median, size_text, wanted

GOAL = f"{BASE >> 20} MiB + {PER_THREAD >> 10} KiB a thread + {PER_BLOCK} B a block"


def row(bench, title, name, added, threads, blocks, heaptrack):
    most = bound(threads, blocks)
    bench.keep("memory", name, "unpaired", added=added, threads=threads, blocks=blocks, bound=most, heaptrack=heaptrack)
    return [title, str(threads), f"{blocks:,}", f"+ {size_text(added)}", f"+ {size_text(heaptrack)}" if heaptrack is not None
            else "–", size_text(most), f"{added / most:.2f}"]


def measure_memory(bench, chosen):
    """Peak memory of a target, the mapped trace with it, less that of the program alone."""
    rows = []
    for name, title, program in each_program(bench, chosen, ("python3", "sqlite3", "cc1plus")):
        results = bench.interleaved(f"memory of {title}", program.command, bench.libraries(), program.text, program.extra,
                                    rounds=2)
        counted = count_live(bench, program.command, program.text, program.extra)
        if "unpaired" in results and "native" in results and counted is not None:
            peak = {n: median(runs, "peak_kib") * 1024 for n, runs in results.items()}
            theirs = peak["heaptrack"] - peak["native"] if "heaptrack" in peak else None
            rows.append(row(bench, title, name, peak["unpaired"] - peak["native"], counted[1], counted[0], theirs))
    for at_once in (64, 512):
        if wanted(chosen, "threads"):
            rows += threads_row(bench, f"{at_once} threads at once, 1,000 pairs each", at_once, at_once, 1000)
    if wanted(chosen, "threads"):
        many = bench.fewer(1_000_000)
        rows += threads_row(bench, f"{many:,} short threads, 4 at once", many, 4, 30)
    if wanted(chosen, "redis"):
        try:
            rows += redis_row(bench)
        except (Failure, OSError, subprocess.SubprocessError) as error:
            bench.cannot("redis-server", error)
    bench.show("Peak memory added to the target, the mapped trace with it, against the bound",
               ["program", "threads", "live blocks", "unpaired", "heaptrack", "bound", "of the bound"], rows,
               f"bound: {GOAL}, both as many as there were at once")


def count_live(bench, command, text="", extra=None):
    """(blocks, threads) the program has at once at most, counted without us; None if that cannot be told."""
    library = bench.library("live")
    with tempfile.TemporaryDirectory(prefix="live.", dir=bench.memory_folder) as folder:
        file = pathlib.Path(folder, "live")
        counter = Recorder(lambda _: {"LD_PRELOAD": str(library), "LIVE_COUNT": str(file)})
        try:
            bench.run(command, counter, text, extra)
            blocks, threads = file.read_text(encoding="utf-8").split()
            return int(blocks), int(threads)
        except (Failure, OSError, ValueError) as error:
            bench.cannot(f"live blocks of {command[0]}", error)
            return None


def threads_row(bench, title, threads, at_once, pairs):
    program = [bench.program("threads"), threads, at_once, pairs]
    alone = [program[0], max(threads // 100, at_once), at_once, pairs]
    with tempfile.TemporaryDirectory(prefix="threads.", dir=bench.memory_folder) as folder:
        try:
            without = max(look.memory for look in looks(alone, {}, folder))
            most = max(look.memory + look.trace for look in looks(program, bench.ours().environment(folder), folder))
        except subprocess.CalledProcessError as error:
            bench.cannot(title, error)
            return []
    return [row(bench, title, title, most - without, at_once + 1, at_once * 20, None)]


def free_port():
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


def redis_row(bench):
    """redis-server under redis-benchmark. Debian's has jemalloc as its allocator, which is recorded like any other."""
    peaks, recorders = {}, {"native": Recorder(), "unpaired": bench.ours(), "counted": None}
    blocks = threads = 0
    for name, recorder in recorders.items():
        with tempfile.TemporaryDirectory(prefix="redis.", dir=bench.memory_folder) as folder:
            port, counted = free_port(), pathlib.Path(folder, "live")
            environment = recorder.environment(folder) if recorder else {
                "LD_PRELOAD": str(bench.library("live")), "LIVE_COUNT": str(counted)}
            server = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                                       "--appendonly", "no", "--dir", folder], stdout=subprocess.DEVNULL,
                                      env={**os.environ, **environment})
            try:
                wait_for(port)
                subprocess.run(["redis-benchmark", "-q", "-p", str(port), "-n", str(bench.fewer(50_000)), "-r", "20000",
                                "-t", "set,lpush,sadd,hset"], check=True, stdout=subprocess.DEVNULL, timeout=300)
                peaks[name] = resident(server.pid, "VmHWM")
                threads = max(threads, len(os.listdir(f"/proc/{server.pid}/task")))
                subprocess.run(["redis-cli", "-p", str(port), "shutdown", "nosave"], check=False, timeout=60)
                server.wait(timeout=60)
            finally:
                server.kill()
                server.wait()
            if recorder is None:
                blocks = int(counted.read_text(encoding="utf-8").split()[0])
    return [row(bench, "redis-server, redis-benchmark set,lpush,sadd,hset", "redis", peaks["unpaired"] - peaks["native"],
                threads, blocks, None)]


def wait_for(port):
    for _ in range(200):
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise Failure("redis-server does not listen")


def measure_soak(bench, chosen):
    """Pairs without end, 1,000 live, half freed by another thread: the trace after a tenth and at the end."""
    del chosen
    pairs = bench.soak_pairs
    with tempfile.TemporaryDirectory(prefix="soak.", dir=bench.memory_folder) as folder:
        begin = time.monotonic()
        try:
            tenth, end = looks([bench.program("soak"), pairs, 1000], bench.ours().environment(folder), folder)
        except subprocess.CalledProcessError as error:
            bench.cannot("soak", error)
            return
        elapsed = time.monotonic() - begin
    bench.keep("soak", str(pairs), "unpaired", after_a_tenth=tenth.trace, at_the_end=end.trace, written=end.written,
               elapsed=elapsed)
    bench.show("Soak: two threads, 1,000 live blocks, half of them freed by the other thread",
               ["pairs", "trace after a tenth", "at the end", "goal", "written to storage", "elapsed"],
               [[f"{pairs:,}", size_text(tenth.trace), size_text(end.trace), "≤ 64 MiB, and no growth",
                 size_text(end.written), f"{elapsed:.0f} s"]], "the trace lies in memory (tmpfs) until the program ends")
