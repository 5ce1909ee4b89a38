"""Whole programs that we did not write: processor time, memory, what is written and what is left at rest, and what it
takes to read that."""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile

from rig import Failure, HEAPTRACK_INTERPRETER, median, ratio, size_text, wanted

SQL = """create table t(id integer primary key, a text, b real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows})
  insert into t select i, 'row number ' || i, i * 0.5 from n;
create index t_a on t(a);
select count(*), sum(length(a)), max(b) from t where a like '%7%';
select substr(a, 1, 12), count(*) from t group by 1 order by 2 desc limit 5;
"""
PYTHON_LOAD = """import json
rows = [{{"id": i, "name": "row %d" % i, "tags": [str(i), str(i * 2)]}} for i in range(6000)]
for _ in range({turns}):
    assert len(json.loads(json.dumps(rows))) == 6000
"""
CPP = """#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <vector>
int main(int argc, char **argv)
{
    std::map<std::string, std::vector<int>> words;
    for (int i = 0; i < argc; i++)
        if (std::regex_search(argv[i], std::regex("[a-z]+([0-9]*)")))
            words[argv[i]].push_back(i);
    std::vector<std::function<int(int)>> steps{[](int n) { return n + 1; }, [](int n) { return n * 2; }};
    for (auto &[word, places] : words) {
        std::sort(places.begin(), places.end());
        std::cout << word << ' ' << steps[places.size() % 2](places.front()) << '\\n';
    }
}
"""
GOALS = {"sqlite3": "≤ 1.15 ×", "python3": "≤ 1.35 ×", "cc1plus": "≤ 1.25 ×", "xz": ""}
TITLES = {
    "sqlite3": "sqlite3, 300,000 rows in memory",
    "python3": "python3, json, PYTHONMALLOC=malloc",
    "cc1plus": "cc1plus -O2, <regex> and other headers",
    "xz": "xz -3 of 8 MiB",
}


class Program:
    """A command with its input and environment."""

    def __init__(self, command, text="", extra=None):
        self.command, self.text, self.extra = command, text, extra or {}


def find_program(bench, name, folder):
    """The load of that name, its files in `folder`; raises Failure when it cannot be run here."""
    if name == "sqlite3":
        return Program([found("sqlite3"), ":memory:"], SQL.format(rows=bench.fewer(300_000)))
    if name == "python3":
        return Program(["/usr/bin/python3", "-c", PYTHON_LOAD.format(turns=bench.fewer(40))],
                       extra={"PYTHONMALLOC": "malloc"})
    if name == "cc1plus":
        return Program(compiler_proper(folder, bench.quick))
    data = pathlib.Path(folder, "data")
    if not data.exists():
        with open(found("gdb") if shutil.which("gdb") else found("python3"), "rb") as file:
            data.write_bytes(file.read(bench.fewer(8 << 20)))
    return Program([found("xz"), "-3", "-T1", "-k", "-c", data])


def found(name):
    path = shutil.which(name, path="/usr/bin:/bin")
    if path is None:
        raise Failure(f"{name} is not installed")
    return path


def compiler_proper(folder, small):
    """The command line of cc1plus as g++ makes it; of the compiler alone, without driver and assembler."""
    source = pathlib.Path(folder, "load.cpp")
    source.write_text("#include <map>\nstd::map<int, int> m;\nint main() { return m[1]; }\n" if small else CPP, encoding="utf-8")
    told = subprocess.run([found("g++"), "-###", "-std=c++17", "-O2", "-c", source, "-o", "/dev/null"],
                          capture_output=True, text=True, check=False).stderr
    line = next((line for line in told.splitlines() if re.match(r"\s*\S*cc1plus\s", line)), None)
    if line is None:
        raise Failure("g++ -### names no cc1plus")
    words = [word.strip('"') for word in line.split()]
    words[words.index("-o") + 1] = "/dev/null"
    return words


def each_program(bench, chosen, names=TITLES):
    """(name, title, Program) of each that was asked for and can be run."""
    folder = pathlib.Path(bench.memory_folder, "programs")
    folder.mkdir(exist_ok=True)
    for name in names:
        if wanted(chosen, name):
            try:
                yield name, TITLES[name], find_program(bench, name, folder)
            except Failure as error:
                bench.cannot(TITLES[name], error)


def measure_programs(bench, chosen):
    """Processor time of the target alone, and of all a user's command starts; memory; sizes; bytes written."""
    every_event = bench.knows("--every-event")
    if not every_event:
        bench.cannot("--every-event", "this build's `unpaired record` does not know it")
    times, together, stored, memory = [], [], [], []
    for name, title, program in each_program(bench, chosen):
        results = bench.interleaved(title, program.command, bench.libraries(), program.text, program.extra)
        commands = {**bench.native(), **bench.commands(every_event)}
        whole = bench.interleaved(title, program.command, commands, program.text, program.extra,
                                  rounds=min(bench.rounds, 3))
        if "native" not in results or "native" not in whole:
            continue
        for recorder, runs in [*results.items(), *list(whole.items())[1:]]:
            of = whole if recorder in whole and recorder != "native" else results
            bench.keep("programs", name, recorder, seconds=median(runs), ratio=ratio(of, recorder),
                       wall_ratio=ratio(of, recorder, field="wall"), peak_kib=median(runs, "peak_kib"),
                       stored=median(runs, "stored"), written=median(runs, "written"))
        times.append([title, f"{median(results['native']):.2f} s",
                      *(f"{ratio(results, n):.2f} ×" if n in results else "–" for n in ("unpaired", "heaptrack")),
                      GOALS[name]])
        together.append([title, *(f"{ratio(whole, n):.2f} ×" if n in whole else "–"
                                  for n in ("unpaired record", "heaptrack (script)")),
                         *(f"{ratio(whole, n, field='wall'):.2f} ×" if n in whole else "–"
                           for n in ("unpaired record", "heaptrack (script)"))])
        stored.append(stored_row(title, results, whole))
        peak = {n: median(results[n], "peak_kib") for n in results}
        memory.append([title, size_text(peak["native"] * 1024),
                       *(f"+ {size_text((peak[n] - peak['native']) * 1024)}" if n in peak else "–"
                         for n in ("unpaired", "heaptrack"))])
    bench.show("Whole programs: processor time of the target alone",
               ["program", "native", "unpaired", "heaptrack", "goal"], times)
    bench.show("Whole programs: target and helpers together, as a user starts them; processor time, then elapsed time",
               ["program", "unpaired record", "heaptrack (script)", "unpaired, elapsed", "heaptrack, elapsed"], together)
    bench.show("Size of the trace at rest, and bytes that were written to storage for it",
               ["program", "unpaired", "--every-event", "heaptrack (zstd)", "--every-event / heaptrack",
                "unpaired wrote", "heaptrack wrote"], stored, "goal of --every-event on cc1plus: ≤ 1.0 × heaptrack's")
    bench.show("Peak memory added to the target, the mapped trace with it",
               ["program", "native", "unpaired", "heaptrack"], memory)


def stored_row(title, results, whole):
    """What the commands leave on the disk; the libraries alone leave it unpacked, in memory."""
    size = {n: median(runs, "stored") for n, runs in whole.items()}
    wrote = {n: median(runs, "written") for n, runs in whole.items()}
    names = ("unpaired record", "unpaired record --every-event", "heaptrack (script)")
    shown = [size_text(size[n]) if n in size else "–" for n in names]
    events, theirs = (size.get(n) for n in names[1:])
    return [title, *shown, f"{events / theirs:.2f}" if events and theirs else "–",
            *(size_text(max(wrote[n] - wrote["native"], 0)) if n in wrote else "–" for n in (names[0], names[2]))]


# ---- reading what was recorded ----------------------------------------------------------------------------------------

def measure_report(bench, chosen):
    """`unpaired report` against heaptrack's interpreter and printer, on traces of the same run of work."""
    rows = []
    loads = dict(each_with_pairs(bench, chosen))
    for name, (title, program) in loads.items():
        with tempfile.TemporaryDirectory(prefix="report.", dir=bench.memory_folder) as folder:
            try:
                rows += report_rows(bench, name, title, program, folder)
            except Failure as error:
                bench.cannot(f"report of {title}", error)
    bench.show("Report: processor time and peak memory per million events",
               ["trace of", "tool", "events", "seconds", "seconds a million", "peak", "time / heaptrack",
                "memory / heaptrack", "goal"], rows)


def each_with_pairs(bench, chosen):
    if wanted(chosen, "heap-paths"):
        yield "heap-paths", ("malloc+free, 200 paths", Program([bench.program("pairs"), "heap-paths",
                                                                 str(bench.fewer(2_000_000))]))
    for name, title, program in each_program(bench, chosen, ("sqlite3", "python3", "cc1plus")):
        yield name, (title, program)


def events_in(bench, trace):
    told = subprocess.run([bench.unpaired, "report", trace, "--format=json"], capture_output=True, check=False)
    if told.returncode not in (0, 1):
        raise Failure(told.stderr.decode(errors="replace"))
    return sum(image["trace"]["events"] for image in json.loads(told.stdout)["images"])


def report_rows(bench, name, title, program, folder):
    rounds = min(bench.rounds, 3)
    readers = {}  # tool -> the commands that make its report
    commands = bench.commands(bench.knows("--every-event"))
    for tool in [tool for tool in commands if tool.startswith("unpaired")]:
        place = pathlib.Path(folder, tool.replace(" ", ""))
        place.mkdir()
        bench.run(program.command, commands[tool], program.text, program.extra, keep_in=place)
        readers[tool.replace(" record", "")] = [[bench.unpaired, "report", place / "trace"]]
        if tool == "unpaired record":
            events = events_in(bench, place / "trace")
    if bench.heaptrack:
        place = pathlib.Path(folder, "heaptrack")
        place.mkdir()
        bench.run(program.command, bench.libraries()["heaptrack"], program.text, program.extra, keep_in=place)
        interpret = f"exec {HEAPTRACK_INTERPRETER} < {place}/heaptrack > {place}/read"
        readers["heaptrack"] = [["sh", "-c", interpret], ["heaptrack_print", "-f", f"{place}/read"]]
    measured = {}
    for tool, commands in readers.items():
        try:
            runs = [[bench.run(command, statuses=(0, 1)) for command in commands] for _ in range(rounds)]
        except Failure as error:
            bench.cannot(f"report of {title} by {tool}", error)
            continue
        seconds = sorted(sum(run.seconds for run in one) for one in runs)[len(runs) // 2]
        peak = sorted(max(run.peak_kib for run in one) for one in runs)[len(runs) // 2]
        measured[tool] = seconds, peak
        bench.keep("report", name, tool, events=events, seconds=seconds, peak_kib=peak)
    theirs = measured.get("heaptrack")
    return [[title, tool, f"{events / 1e6:.2f} M", f"{seconds:.2f}", f"{seconds * 1e6 / events:.3f}", size_text(peak * 1024),
             *((f"{seconds / theirs[0]:.2f}", f"{peak / theirs[1]:.2f}", "≤ 0.5, both") if theirs and tool != "heaptrack"
               else ("", "", ""))] for tool, (seconds, peak) in measured.items()]
