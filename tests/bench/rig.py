"""What the subjects of scripts/bench share: running a program under each recorder, interleaved, and tables of results.

Only the standard library. A subject is a module with a function `measure(bench, chosen)`, which prints and keeps tables.
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
from typing import NamedTuple

from looks import bytes_in

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HEAPTRACK_LIBRARY = "/usr/lib/heaptrack/libheaptrack_preload.so"
HEAPTRACK_INTERPRETER = "/usr/lib/heaptrack/libexec/heaptrack_interpret"
# programs compiled for the benchmark: name -> source
PROGRAMS = {
    "pairs": "tests/bench/pairs.c",
    "measure": "tests/bench/measure.c",
    "soak": "tests/scenario/bounds/soak_program.c",
    "threads": "tests/scenario/bounds/threads_program.c",
}


class Run(NamedTuple):
    """What one run used. `stored`: bytes it left in its folder, as allocated."""
    seconds: float
    peak_kib: int
    wall: float
    written: int
    stored: int


class Recorder(NamedTuple):
    """How a program is run: the environment it gets, and what stands before it on the command line; functions of the
    folder where it may leave its trace. `on_disk`: that folder is on storage, not in memory."""
    environment: object = lambda folder: {}
    prefix: object = lambda folder: []
    on_disk: bool = False


class Failure(Exception):
    """Something could not be measured; the text says why."""


class Bench:
    """One run of scripts/bench: where things are, what was measured and what was not."""

    def __init__(self, build, options, memory_folder, disk_folder):
        """`options`: rounds, quick, pairs (of the soak) and markdown, as on the command line."""
        self.build, self.rounds, self.quick = pathlib.Path(build).resolve(), options.rounds, options.quick
        self.soak_pairs, self.markdown = options.pairs, options.markdown
        self.memory_folder, self.disk_folder = memory_folder, disk_folder
        self.unpaired, self.preload = self.build / "bin/unpaired", self.build / "lib/libunpaired_preload.so"
        self.tables, self.figures, self.not_measured = [], [], []
        self.heaptrack = os.path.exists(HEAPTRACK_LIBRARY)
        if not self.heaptrack:
            self.cannot("heaptrack", "Debian's package heaptrack is not installed")

    def program(self, name):
        """The path of one of PROGRAMS, compiled if it is older than its source."""
        source, path = ROOT / PROGRAMS[name], self.build / "bench" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["cc", "-O2", "-fomit-frame-pointer", "-I", ROOT / "tests/scenario", source, "-o", path,
                            "-pthread"], check=True)
        return path

    def library(self, name):
        """A library of this folder to preload, compiled likewise."""
        source, path = ROOT / f"tests/bench/{name}.c", self.build / f"bench/lib{name}.so"
        if not path.exists() or path.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["cc", "-O2", "-fPIC", "-shared", "-fno-builtin", source, "-o", path], check=True)
        return path

    def cannot(self, what, why):
        """Notes what is not measured, once."""
        line = f"{what}: {' '.join(str(why).split())[-400:]}"
        if line not in self.not_measured:
            self.not_measured.append(line)

    def fewer(self, count, at_least=1):
        """`count`, or a tenth of it with --quick."""
        return max(count // 10, at_least) if self.quick else count

    def knows(self, option):
        """Whether this build's `unpaired record` has that option."""
        told = subprocess.run([self.unpaired, "record", "--help"], capture_output=True, text=True, check=False)
        return option in told.stdout

    # ---- recorders ------------------------------------------------------------------------------------------------

    def native(self):
        return {"native": Recorder()}

    def libraries(self, heap=True):
        """The program alone, with our library, and with heaptrack's, which then writes its raw stream to a file."""
        known = {**self.native(), "unpaired": self.ours()}
        if self.heaptrack and heap:
            known["heaptrack"] = Recorder(lambda folder: {"LD_PRELOAD": HEAPTRACK_LIBRARY,
                                                          "DUMP_HEAPTRACK_OUTPUT": f"{folder}/heaptrack"})
        return known

    def ours(self, options=""):
        return Recorder(lambda folder: {"LD_PRELOAD": str(self.preload), "UNPAIRED_OUTPUT": f"{folder}/%e.%p.trace",
                                        **({"UNPAIRED_OPTIONS": options} if options else {})})

    def commands(self, every_event=False):
        """As users run them: `unpaired record`, and the script `heaptrack` with its interpreter and packer."""
        known = {"unpaired record": Recorder(prefix=lambda folder: [self.unpaired, "record", "-o", f"{folder}/trace", "--"],
                                             on_disk=True)}
        if every_event:
            known["unpaired record --every-event"] = Recorder(
                prefix=lambda folder: [self.unpaired, "record", "--every-event", "-o", f"{folder}/trace", "--"],
                on_disk=True)
        if shutil.which("heaptrack_gui"):
            self.cannot("heaptrack as a command", "heaptrack_gui is installed, and the script would open it")
        elif shutil.which("heaptrack"):
            known["heaptrack (script)"] = Recorder(prefix=lambda folder: ["heaptrack", "-o", f"{folder}/heaptrack"],
                                                   on_disk=True)
        return known

    # ---- running --------------------------------------------------------------------------------------------------

    def run(self, command, recorder=Recorder(), text="", extra=None, keep_in=None, statuses=(0,)):
        """One run. `keep_in`: a folder in which what it leaves stays; else it is counted and removed."""
        with tempfile.TemporaryDirectory(prefix="run.", dir=self.disk_folder if recorder.on_disk else
                                         self.memory_folder) as folder:
            used = pathlib.Path(self.memory_folder, "used")
            environment = {**recorder.environment(keep_in or folder), **(extra or {})}
            # the environment goes to the program alone: measure itself runs without a recorder
            wrapped = [self.program("measure"), used, *(f"{k}={v}" for k, v in environment.items()),
                       *recorder.prefix(keep_in or folder), *command]
            process = subprocess.run(list(map(str, wrapped)), input=text, text=True, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE, check=False, errors="replace")
            if process.returncode != 0:
                raise Failure(process.stderr.strip())
            seconds, peak, status, wall, written = used.read_text(encoding="utf-8").split()
            used.unlink()
            code = os.waitstatus_to_exitcode(int(status))
            if code not in statuses:
                raise Failure(f"{wrapped[2 + len(environment)]} ended with {code}: {process.stderr.strip()[-300:]}")
            return Run(float(seconds), int(peak), float(wall), int(written), bytes_in(keep_in or folder))

    def interleaved(self, what, command, recorders, text="", extra=None, rounds=None):
        """{recorder: [Run of each round]}: in every round each recorder once, so that a busy machine disturbs all alike.
        A recorder that fails is left out and noted."""
        results = {name: [] for name in recorders}
        for number in range(rounds or self.rounds):
            names = list(results)
            shift = number % len(names)
            for name in names[shift:] + names[:shift]:
                try:
                    results[name].append(self.run(command, recorders[name], text, extra))
                except (Failure, OSError) as error:
                    self.cannot(f"{what} under {name}", error)
                    del results[name]
        return results

    # ---- results --------------------------------------------------------------------------------------------------

    def keep(self, subject, load, recorder, **figures):
        """One row of the figures that --json writes."""
        self.figures.append({"subject": subject, "load": load, "recorder": recorder, **figures})

    def show(self, title, header, rows, note=""):
        """Prints a table now, and keeps it for --markdown. Cells are text; the first column names the row."""
        if not rows:
            return
        self.tables.append((title, header, rows, note))
        widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
        self.say(f"\n{title}")
        for row in [header, *rows]:
            cells = [str(cell).ljust(width) if i == 0 else str(cell).rjust(width)
                     for i, (cell, width) in enumerate(zip(row, widths))]
            self.say("  " + "  ".join(cells).rstrip())
        if note:
            self.say(f"  {note}")

    def say(self, text):
        """For a person who waits: on standard error when standard output is to be the tables alone."""
        print(text, file=sys.stderr if self.markdown else sys.stdout, flush=True)


def median(runs, field="seconds"):
    return statistics.median(getattr(run, field) for run in runs)


def ratio(results, name, to="native", field="seconds"):
    """The median over the rounds of what `name` took, as a multiple of what `to` took in the same round."""
    pairs = zip(results[name], results[to])
    return statistics.median(getattr(a, field) / max(getattr(b, field), 1e-6) for a, b in pairs)


def added(results, start_up, name, to="native", field="seconds"):
    """Seconds that `name` adds to `to`: the median of the differences within a round, without those of the start-up."""
    def difference(runs):
        return statistics.median(getattr(a, field) - getattr(b, field) for a, b in zip(runs[name], runs[to]))
    return difference(results) - difference(start_up)


def size_text(n):
    if n < 10 * 1024:
        return f"{n / 1024:.1f} KiB"
    return f"{n / 1024:,.0f} KiB" if n < 10 * 1024 * 1024 else f"{n / 1024 / 1024:,.1f} MiB"


def wanted(chosen, load):
    """Whether a load was asked for: all are if none is named."""
    return not chosen or load in chosen
