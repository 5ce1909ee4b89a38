#!/usr/bin/env python3
"""Runs a program under the preload library that walks each event's stack every way (compare_walks.cpp): from what the
thread remembers, in full by the rules, and by LLVM's libunwind. All must tell the same, and it must have been tried often
enough to mean something."""
import argparse
import glob
import os
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scenario"))
import harness  # noqa: E402
import loads  # noqa: E402
import redis_server  # noqa: E402
from harness import Failed, needed  # noqa: E402

# As `Outcome` in compare_walks.cpp; the text follows.
COUNTS = ("walks", "mismatches", "from_memo", "without_rules", "libunwind_wrong", "frames", "text_used")

CPLUSPLUS = """
#include <vector>
int sum(std::vector<int> &all) { all.push_back(1); int s = 0; for (int x : all) s += x; return s; }
"""


class Outcome:
    """What the files of all processes say together."""

    def __init__(self, prefix):
        self.files = sorted(glob.glob(glob.escape(prefix) + ".*"))
        self.told = ""
        for name in COUNTS:
            setattr(self, name, 0)
        for path in self.files:
            with open(path, "rb") as file:
                data = file.read()
            counts = struct.unpack_from(f"<{len(COUNTS)}Q", data)
            for name, count in zip(COUNTS, counts):
                setattr(self, name, getattr(self, name) + count)
            start = 8 * len(COUNTS)
            self.told += data[start:start + counts[-1]].decode("utf-8", "replace")

    def __str__(self):
        return f"{len(self.files)} processes: " + ", ".join(f"{getattr(self, name)} {name}" for name in COUNTS[:-1])


class Walks:
    """The environment of one run, and the judgement over it."""

    def __init__(self, library, folder):
        self.folder, self.prefix = folder, os.path.join(folder, "outcome")
        self.env = dict(os.environ, LD_PRELOAD=library, UNPAIRED_COMPARED=self.prefix,
                        UNPAIRED_OUTPUT=os.path.join(folder, "trace.%p"), PYTHONMALLOC="malloc")

    def run(self, command, stdin=None, output=None):
        result = harness.run(command, env=self.env, cwd=self.folder, stdin=stdin, timeout=150)
        if result.status != 0 or (output is not None and output not in result.stdout):
            raise Failed(f"{command[0]}: status {result.status}\n{harness.text(result.stdout)}\n"
                         f"{harness.text(result.stderr)}")
        return result

    def judge(self, at_least, from_memo=0, without_rules=0):
        """`at_least` so many events; of them from the path memo, and with frames that the rules cannot express."""
        outcome = Outcome(self.prefix)
        print(outcome)
        if outcome.mismatches:
            raise Failed(f"{outcome.mismatches} of {outcome.walks} stacks differ\n{outcome.told[:12000]}")
        for what, wanted in (("walks", at_least), ("from_memo", from_memo), ("without_rules", without_rules)):
            if getattr(outcome, what) < wanted:
                raise Failed(f"{what}: {getattr(outcome, what)}, wanted at least {wanted}: nothing was tested")
        if outcome.libunwind_wrong > outcome.walks // 1000:
            raise Failed(f"{outcome.libunwind_wrong} walks differ where libunwind is known to be wrong: too many")


def every_way(walks, program):
    result = walks.run([program])
    told = dict(line.split(": ") for line in result.stdout.decode().splitlines())
    for part, least in (("near and far", 13530), ("exceptions", 600), ("leaps", 2000), ("handlers", 1500),
                        ("libraries", 100), ("odd frames", 1600), ("coroutines", 150), ("threads", 36),
                        ("children", 5), ("timers", 500)):
        if int(told.get(part, 0)) < least:
            raise Failed(f"{part}: {told.get(part)}, wanted at least {least}")
    walks.judge(60000, from_memo=5000, without_rules=2000)


def aarch64(walks, program):
    """Under qemu, which would be recorded itself if it had the environment."""
    emulator = [needed("qemu-aarch64"), "-L", "/usr/aarch64-linux-gnu"]
    for name in ("LD_PRELOAD", "UNPAIRED_COMPARED", "UNPAIRED_OUTPUT"):
        emulator += ["-E", f"{name}={walks.env.pop(name)}"]
    # Not "children": qemu-user 7.2 does not know MADV_WIPEONFORK, by which a forked child is recognised.
    walks.run([*emulator, program, "near and far", "exceptions", "leaps", "handlers", "libraries", "coroutines",
               "threads", "timers"], output=b"timers: 500")
    walks.judge(60000)


def slow_path(walks, program):
    """Under the product's library: the program looks at its descriptors before and after."""
    walks.run([program, "odd frames"], output=b"odd frames: 1600")
    if not glob.glob(os.path.join(glob.escape(walks.folder), "trace.*")):
        raise Failed("nothing was recorded")


def frame_pointers(walks, program):
    """Under the product's library, in a program that is built without them: it does all it does, and lives."""
    walks.env["UNPAIRED_OPTIONS"] = "--walk=frame-pointers"
    walks.run([program], output=b"timers: 500")


def sqlite3(walks, _):
    walks.run([needed("sqlite3"), ":memory:"], stdin=loads.SQL.encode(), output=b"1112|2286894.0")
    walks.judge(40000)


def python3(walks, _):
    walks.run(["/usr/bin/python3", "-c", loads.PYTHON], output=b"(42,) 1.414213562373095048801688724")
    walks.judge(100000)


def compiler(walks, _):
    for level in ("-O0", "-O2"):
        walks.run([needed("g++"), level, "-x", "c++", "-S", "-o", "out.s", "-"], stdin=CPLUSPLUS.encode())
    walks.judge(100000)


def redis(walks, _):
    """Debian's is linked with jemalloc, which is left alone: its events are descriptors and locks."""
    with redis_server.serving(walks.folder, env=walks.env) as path:
        for i in range(400):
            redis_server.ask(path, f"set key:{i} {'v' * (i + 1)}", b"+OK")
            redis_server.ask(path, f"strlen key:{i}", b":%d" % (i + 1))
    walks.judge(3000)


CASES = {"aarch64": aarch64, "every-way": every_way, "frame-pointers": frame_pointers, "sqlite3": sqlite3,
         "python3": python3, "compiler": compiler, "redis": redis, "slow-path": slow_path}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=sorted(CASES))
    parser.add_argument("--library", required=True)
    parser.add_argument("--program")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unpaired-test-") as folder:
        CASES[arguments.case](Walks(arguments.library, folder), arguments.program)


harness.main(main)
