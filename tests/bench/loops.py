"""Loops over one kind of pair: what recording adds to a malloc and its free, a descriptor, a lock; with several threads,
and with the processes that help the recorder."""
from rig import added, median, wanted

PATHS = {"heap": "one path", "heap-paths": "random choice of 200 paths", "heap-near": "3 frames change"}
# load -> (what a person reads, pairs in a run, the goal)
DESCRIPTORS = {
    "socket": ("socket+close", 100_000, "≤ 1.10 ×"),
    "open": ("open+close of /dev/null", 200_000, "≤ 1.10 ×"),
    "dup": ("dup+close", 400_000, "≤ 1.30 ×"),
    "rwlock": ("rwlock init+destroy", 1_000_000, "≤ + 60 ns"),
    "mutex": ("mutex lock+unlock", 2_000_000, "≤ + 25 ns"),
}
PAIRS = 1_000_000


def measure_loop(bench, what, recorders, load, pairs, depth=24, threads=1, rounds=None):
    """(results of the loop, results of its start-up), or None when the program alone could not be run."""
    pairs_program = bench.program("pairs")
    tail = [str(depth), str(threads)]
    start_up = bench.interleaved(f"start of {what}", [pairs_program, load, "0", *tail], recorders, rounds=rounds)
    results = bench.interleaved(what, [pairs_program, load, str(pairs), *tail],
                                {name: recorders[name] for name in start_up}, rounds=rounds)
    if next(iter(recorders)) not in results:
        return None
    return results, {name: start_up[name] for name in results}


def nanoseconds(results, start_up, pairs, name):
    return added(results, start_up, name) * 1e9 / pairs


def alone(results, start_up, pairs, name="native", field="seconds"):
    """Nanoseconds of a pair under `name`, its start-up taken off."""
    return (median(results[name], field) - median(start_up[name], field)) * 1e9 / pairs


def share(ours, theirs):
    return f"{ours / theirs:.2f}" if theirs > 0 else "–"


def measure_pairs(bench, chosen):
    """malloc and free: one thread, several depths; processor time of the target alone."""
    rows = []
    pairs = bench.fewer(PAIRS)
    for depth in (8, 24, 64):
        for load, paths in PATHS.items():
            if not wanted(chosen, load) or (load == "heap-near" and depth == 8):
                continue  # there is no room for frames that change
            what = f"malloc+free, depth {depth}, {paths}"
            measured = measure_loop(bench, what, bench.libraries(), load, pairs, depth)
            if measured is None:
                continue
            costs = {name: nanoseconds(*measured, pairs, name) for name in measured[0]}
            native = alone(*measured, pairs)
            for name, cost in costs.items():
                bench.keep("pairs", f"{load} {depth}", name, added_ns=cost, native_ns=native)
            theirs = costs.get("heaptrack", 0)
            ours = costs.get("unpaired")
            rows.append([f"depth {depth}, {paths}", f"{native:.1f} ns",
                         "–" if ours is None else f"+ {ours:.0f} ns", f"+ {theirs:.0f} ns" if theirs else "–",
                         share(ours, theirs) if ours else "–", {"heap": "≤ 0.14", "heap-near": "≤ 0.35"}.get(load, "≤ 0.35, aim 0.20")
                         if depth == 24 else ""])
    bench.show("malloc+free, one thread: processor time added to the target by a pair",
               ["load", "native", "unpaired", "heaptrack", "unpaired / heaptrack", "goal"], rows)
    measure_together(bench, chosen, pairs)


def measure_together(bench, chosen, pairs):
    """The same loops with all that a user's command starts: launcher, interpreter, packer."""
    rows = []
    commands = {**bench.native(), **bench.commands()}
    for load, paths in PATHS.items():
        if not wanted(chosen, load):
            continue
        measured = measure_loop(bench, f"malloc+free, {paths}, helpers too", commands, load, pairs,
                                rounds=min(bench.rounds, 5))
        if measured is None or "unpaired record" not in measured[0]:
            continue
        costs = {name: nanoseconds(*measured, pairs, name) for name in measured[0]}
        theirs = costs.get("heaptrack (script)", 0)
        for name, cost in costs.items():
            bench.keep("together", load, name, added_ns=cost)
        ours = costs["unpaired record"]
        rows.append([f"depth 24, {paths}", f"+ {ours:.0f} ns", f"+ {theirs:.0f} ns" if theirs else "–", share(ours, theirs),
                     "≤ 0.35"])
    bench.show("malloc+free, one thread: processor time added by a pair to target and helpers together",
               ["load", "unpaired record", "heaptrack (script)", "unpaired / heaptrack", "goal"], rows,
               "start-up and end of the launchers, which do not depend on the pairs, are taken off")


def measure_threads(bench, chosen):
    """malloc and free from several threads: what gets done in a second, and what it costs."""
    pairs = bench.fewer(2 * PAIRS)
    for load, paths in PATHS.items():
        if load == "heap" or not wanted(chosen, load):
            continue
        done, rows, costs = {}, [], {}
        for threads in (1, 2, 4):
            measured = measure_loop(bench, f"malloc+free, {threads} threads, {paths}", bench.libraries(), load, pairs,
                                    threads=threads)
            if measured is None:
                continue
            for name, runs in measured[0].items():
                done[name, threads] = 1e3 / max(alone(*measured, pairs, name, "wall"), 1e-3)
                costs[name, threads] = nanoseconds(*measured, pairs, name)
                bench.keep("threads", f"{load} {threads}", name, million_pairs_a_second=done[name, threads],
                           added_ns=costs[name, threads], rounds=len(runs))
        names = [name for name in bench.libraries() if (name, 1) in done]
        for threads in (1, 2, 4):
            if ("native", threads) not in done:
                continue
            rows.append([f"{threads} thread{'s' if threads > 1 else ''}",
                         *(f"{done[name, threads]:.2f}" if (name, threads) in done else "–" for name in names),
                         *(f"+ {costs[name, threads]:.0f} ns" if (name, threads) in costs else "–" for name in names[1:]),
                         share(done.get(("unpaired", threads), 0), done.get(("heaptrack", threads), 0)) + " ×",
                         "≥ 4 ×" if threads == 4 else ""])
        if ("native", 4) in done and ("native", 1) in done:
            rows.append(["4 threads against 1", *(f"{done[name, 4] / done[name, 1]:.2f} ×" if (name, 4) in done else "–"
                                                  for name in names), *("" for _ in names[1:]), "", "unpaired ≥ 1.6 ×"])
        bench.show(f"malloc+free, depth 24, {paths}: million pairs a second of elapsed time; processor time added by a pair",
                   ["", *names, *(f"{name} adds" for name in names[1:]), "unpaired / heaptrack", "goal"], rows,
                   "elapsed time: on a busy machine the more threads the larger share of it")


def measure_descriptors(bench, chosen):
    """Descriptors and locks; heaptrack records neither."""
    rows = []
    for load, (title, pairs, goal) in DESCRIPTORS.items():
        if not wanted(chosen, load):
            continue
        pairs = bench.fewer(pairs)
        recorders = bench.libraries(heap=False)
        if load in ("rwlock", "mutex"):
            recorders["--locks=off"] = bench.ours("--locks=off")
        measured = measure_loop(bench, title, recorders, load, pairs)
        if measured is None or "unpaired" not in measured[0]:
            continue
        native = alone(*measured, pairs)
        for name in measured[0]:
            cost = nanoseconds(*measured, pairs, name)
            bench.keep("descriptors", load, name, added_ns=cost, native_ns=native, ratio=1 + cost / native)
            if name != "native":
                rows.append([title if name == "unpaired" else f"{title}, {name}", f"{native:,.1f} ns", f"+ {cost:.0f} ns",
                             f"{1 + cost / native:.2f} ×", goal if name == "unpaired" else
                             "≤ + 5 ns" if load == "mutex" else ""])
    bench.show("Descriptors and locks: processor time added to the target by a pair (heaptrack records the heap only)",
               ["load", "native", "unpaired", "of native", "goal"], rows)


