"""Cycles from the command line: what is refused, what a report of a trace can tell, and how large a trace gets."""
import json
import os

from script import check, expect, harness, line_of, main, one_line, say, start, tried


def recorded(t, folder, *arguments, options=(), name="t.trace"):
    result = harness.run([t.unpaired, "record", *options, "-o", name, "--", t.program, *arguments], cwd=folder)
    expect(result.status == 0, f"record: {result.status} {result.stderr}")
    return os.path.join(folder, name)


def image_of(t, *arguments):
    result = harness.run([t.unpaired, "report", "--format=json", "--all", *arguments])
    expect(result.status in (0, 1), f"report: {result.status} {result.stderr}")
    return json.loads(result.stdout)["images"][0]


@check
def a_function_that_is_in_no_table_is_refused_with_names_like_it(t, folder):
    for command in ("run", "record"):
        one_line(tried(t, command, "--cycle=sockte", "--", t.program, "state"), "'sockte'", "socket",
                 "unpaired resources")
    trace = recorded(t, folder, "leak", "3")
    one_line(tried(t, "report", trace, "--cycle=acept4"), "'acept4'", "accept4", "unpaired resources")


@check
def a_function_that_acquires_and_releases_nothing_begins_no_cycle(t, folder):
    one_line(tried(t, "run", "--cycle=shutdown", "--", t.program, "state"), "'shutdown'", "acquires or releases")


@check
def a_report_of_a_function_that_was_never_called_says_what_was(t, folder):
    trace = recorded(t, folder, "leak", "3")
    one_line(tried(t, "report", trace, "--cycle=accept4"), "accept4 was never called", "socket (3 times)")


@check
def a_releaser_needs_the_recording_to_be_told(t, folder):
    trace = recorded(t, folder, "leak", "3")
    one_line(tried(t, "report", trace, "--cycle=close"), "close", "record it with --cycle=close")


@check
def a_run_of_a_program_that_never_calls_it_keeps_its_status_and_says_so(t, folder):
    result = harness.run_unpaired(t.unpaired, [t.program, "leak", "2", "6"], options=["--cycle=accept4"])
    expect(result.status == 6, f"status {result.status}")
    remarks = result.report["remarks"]
    expect(any("accept4 was never called" in r for r in remarks), f"{remarks}")


@check
def a_report_counts_calls_of_a_function_that_the_recording_was_not_told_of(t, folder):
    trace = recorded(t, folder, "leak", "30")
    image = image_of(t, trace, "--cycle=socket")
    expect(image["trace"]["cycles"] == 30 and image["trace"]["cycle_source"] == "function", f"{image['trace']}")
    expect(any("record with --cycle=socket" in r for r in image["remarks"]), f"{image['remarks']}")
    sockets, = [f for f in image["findings"] if f["family"] == "socket"]
    expect(sockets["per_cycle"] == 1 and sockets["severity"] == "suspect", f"{sockets}")


@check
def a_trace_recorded_with_it_needs_no_option_and_is_exact(t, folder):
    trace = recorded(t, folder, "leak", "30", options=["--cycle=socket"])
    for options in ((), ("--cycle=socket",)):
        image = image_of(t, trace, *options)
        expect(image["trace"]["cycles"] == 30 and image["trace"]["cycle_name"] == "socket", f"{image['trace']}")
        sockets, = [f for f in image["findings"] if f["family"] == "socket"]
        expect(sockets["severity"] == "leak" and sockets["growth"] == "linear", f"{sockets}")
        expect(sockets["series"][-1] == [30, 30] and image["series_unit"] == "cycle", f"{sockets['series']}")
        expect(not any("cycles" in r for r in image["remarks"]), f"{image['remarks']}")


@check
def without_the_launcher_the_environment_says_the_same(t, folder):
    preload = os.path.join(os.path.dirname(t.unpaired), os.pardir, "lib", "libunpaired_preload.so")
    for function, cycles in (("socket", 5), ("frobnicate", 0)):
        trace = os.path.join(folder, function)
        env = dict(os.environ, LD_PRELOAD=preload, UNPAIRED_OUTPUT=trace, UNPAIRED_OPTIONS=f"--cycle={function}")
        result = harness.run([t.program, "leak", "5"], env=env)
        expect(result.status == 0, f"{result.status} {result.stderr}")
        image = image_of(t, trace)
        expect(image["trace"]["cycles"] == cycles, f"{function}: {image['trace']}")
        told = any("frobnicate" in r for r in image["remarks"])
        expect(told == (function == "frobnicate"), f"{image['remarks']}")


@check
def a_trace_does_not_grow_with_the_number_of_its_cycles(t, folder):
    sizes = {}
    for count in (1000, 100000):
        trace = os.path.join(folder, str(count))
        preload = os.path.join(os.path.dirname(t.unpaired), os.pardir, "lib", "libunpaired_preload.so")
        env = dict(os.environ, LD_PRELOAD=preload, UNPAIRED_OUTPUT=trace, UNPAIRED_OPTIONS="--cycle=malloc")
        result = harness.run([t.program, "churn", str(count)], env=env)
        expect(result.status == 0, f"{result.status} {result.stderr}")
        image = image_of(t, trace)
        expect(count <= image["trace"]["cycles"] <= count + 10, f"{image['trace']}")
        sizes[count] = os.stat(trace).st_blocks * 512
    # 64 marks of 24 bytes and a header of 8 for each doubling
    expect(sizes[100000] - sizes[1000] <= 7 * 64 * 32 + 8192, f"{sizes}")


@check
def ctl_mark_is_refused_where_calls_begin_the_cycles(t, folder):
    process = start([t.unpaired, "run", "--cycle=malloc", "--output", "json:report.json", "--", t.program, "obey"], cwd=folder)
    pid = line_of(process, "ready ").split()[0]
    one_line(tried(t, "ctl", pid, "mark", "x"), "malloc", "--cycle")
    say(process, "quit")
    expect(process.wait(60) == 0, "status")


main()
