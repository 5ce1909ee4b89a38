"""unpaired postmortem on cores that gdb takes of recorded programs, with and without their trace."""
import argparse
import glob
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
import harness  # noqa: E402
from checks import check, expect, run_checks  # noqa: E402

def take_core(t, folder, command, *, before="run"):
    """Runs `command` with the recorder under gdb until it dies; returns core and trace."""
    core = os.path.join(folder, "core.dump")
    if not shutil.which("gdb"):
        raise harness.Broken("gdb is missing: run scripts/setup")
    script = ["set startup-with-shell off", "set debuginfod enabled off", "set auto-load off",
              f"set environment LD_PRELOAD {t.preload}", f"set environment UNPAIRED_OUTPUT {folder}/unpaired.%p.trace",
              *before.splitlines(), f"generate-core-file {core}", "kill"]
    arguments = [part for line in script for part in ("-ex", line)]
    result = harness.run(["gdb", "-nx", "-batch", *arguments, "--args", *command], timeout=120)
    expect(os.path.exists(core), f"no core:\n{harness.text(result.stdout)}\n{harness.text(result.stderr)}")
    traces = glob.glob(os.path.join(folder, "*.trace"))
    expect(len(traces) == 1, f"traces: {traces}")
    return core, traces[0]


def core_in(t, folder):
    """A copy in `folder` of the core and trace that all checks share."""
    return [shutil.copy(path, folder) for path in (t.core, t.trace)]


def report_of(t, core, *options):
    """The JSON report of the only image."""
    import json
    result = harness.run([t.unpaired, "postmortem", core, "--format=json", *options])
    expect(result.status in (0, 1), f"status {result.status}: {harness.text(result.stderr)}")
    images = json.loads(result.stdout)["images"]
    expect(len(images) == 1, f"{len(images)} images")
    return images[0]


def finding_in(image, function):
    """The only finding whose stack or blame has the function."""
    found = [f for f in image["findings"]
             if any(harness.plain_function(frame["function"]) == function for frame in f["stack"]) and f["rule"] == "never-released"]
    expect(len(found) == 1, f"{len(found)} findings with {function}: "
           f"{[[frame['function'] for frame in f['stack']] for f in image['findings']]}")
    return found[0]


def check_ways_of_being_held(image):
    def expected(function, reachability, count=1, held_by=""):
        finding = finding_in(image, function)
        shown = f"{function}: {finding['reachability']}, {finding.get('held_by')}, {finding['reached']}"
        expect(finding["reachability"] == reachability and finding["count"] == count, shown)
        expect(held_by in finding.get("held_by", ""), shown)
        return finding
    lost = expected("lose_three", "lost", 3)
    expect(lost["severity"] == "leak" and lost["reached"]["lost"]["count"] == 3, lost)
    expect("lost one" in lost["preview"][0]["text"], lost["preview"])
    expect(bytes.fromhex(lost["preview"][0]["bytes"])[8:16] == b"lost one", lost["preview"])
    expect(expected("stale_target", "lost")["severity"] == "leak", "stale_target")
    child = expected("child_of_lost", "lost", held_by="another block")
    expect(child["severity"] == "note" and child["reached"]["indirectly_lost"]["count"] == 1, child)
    expect(expected("hold_in_global", "reachable", held_by="g_held")["severity"] == "note", "hold_in_global")
    expected("hold_in_block", "reachable", held_by="another block")
    expected("hold_in_middle", "possibly", held_by="pointed into by g_middle")
    expected("hold_in_register", "reachable", held_by="register rbx of thread")
    expected("hold_in_thread", "reachable", held_by="the stack of thread")


@check
def with_its_trace_every_block_has_its_whole_stack_and_its_holder(t, folder):
    core, trace = core_in(t, folder)
    image = report_of(t, core, "--trace", trace)
    expect(image["trace"]["source"] == "core" and image["trace"]["end"] == "signal:4", image["trace"])
    check_ways_of_being_held(image)
    finding = finding_in(image, "lose_three")
    expect([frame["function"] for frame in finding["stack"]][:3] == ["block", "lose_three", "main"], finding["stack"])
    expect(finding["function"] == "malloc", finding)
    beside = report_of(t, core)
    expect(beside["findings"] == image["findings"], "the trace beside the core is not taken")


@check
def without_its_trace_blocks_are_found_by_their_tags(t, folder):
    core, trace = core_in(t, folder)
    os.unlink(trace)
    image = report_of(t, core)
    # all of the program's blocks come out of one call: one finding, with every way of being held in it
    finding = finding_in(image, "block")
    reached = {name: part["count"] for name, part in finding["reached"].items()}
    expect(reached == {"lost": 5, "indirectly_lost": 1, "possibly": 1, "reachable": 4}, reached)
    expect(finding["severity"] == "leak" and len(finding["stack"]) == 1, finding)
    expect(any("there is no trace" in remark for remark in image["remarks"]), image["remarks"])


@check
def the_text_says_what_is_lost_and_shows_it(t, folder):
    core, _ = core_in(t, folder)
    result = harness.run([t.unpaired, "postmortem", core])
    out = harness.text(result.stdout, 1 << 20)
    expect(result.status == 1, f"status {result.status}")
    for words in ("core of process", "killed by SIGILL", "lost, nothing points to them",
                  "3 of 3 heap blocks of 100 B (300 B) lost", "lose_three", "lost one"):
        expect(words in " ".join(out.split()), f"no '{words}' in:\n{out}")


def trouble(t, words, *arguments):
    result = harness.run([t.unpaired, "postmortem", *arguments])
    error = harness.text(result.stderr)
    expect(result.status == 2 and result.stdout == b"" and error.count("\n") == 1,
           f"{arguments}: status {result.status}\n{harness.text(result.stdout)}\n{error}")
    for word in words:
        expect(word in error, f"{arguments}: no '{word}' in {error}")


@check
def bad_input_gives_one_line(t, folder):
    def file(name, content):
        path = os.path.join(folder, name)
        with open(path, "wb") as out:
            out.write(content)
        return path
    trouble(t, ["directory"], folder)
    trouble(t, ["/nowhere/core"], "/nowhere/core")
    trouble(t, ["empty", "--elf"][:1], file("empty", b""), "--elf", t.program)
    trouble(t, ["--elf"], file("ram.bin", b"\x55" * 65536))
    trouble(t, ["neither a root block nor"], file("ram.bin", b"\x55" * 65536), "--elf", t.program)
    trouble(t, ["is a program"], t.program)
    trouble(t, ["no address"], file("ram.bin", b"\x55"), "--elf", t.program, "--base", "here")
    header = bytearray(b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x04\x00\x28\x00" + bytes(200))
    trouble(t, ["ARM"], file("core.arm", bytes(header)))
    trouble(t, ["no segments"], file("core.none", b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x04\x00\x3e\x00" + bytes(200)))


@check
def a_core_and_what_is_given_with_it_must_belong_together(t, folder):
    core, trace = core_in(t, folder)
    trouble(t, ["build-id"], core, "--elf", t.unpaired)
    trouble(t, ["--base"], core, "--base", "0x1000")
    other = os.path.join(folder, "other")
    os.mkdir(other)
    harness.run([t.unpaired, "record", "-o", f"{other}/x.trace", "--", "/bin/true"])
    trouble(t, ["not a trace of process"], core, "--trace", f"{other}/x.trace")
    expect(report_of(t, core, "--elf", t.program)["findings"] == report_of(t, core)["findings"], "--elf changes it")


@check
def a_process_that_was_not_recorded_is_refused(t, folder):
    core = os.path.join(folder, "core.plain")
    harness.run(["gdb", "-nx", "-batch", "-ex", "set startup-with-shell off", "-ex", "set debuginfod enabled off",
                 "-ex", "run", "-ex", f"generate-core-file {core}", "-ex", "kill", "--args", t.program], timeout=120)
    trouble(t, ["was not recorded", "unpaired record"], core)


@check
def what_a_core_lacks_is_told(t, folder):
    program = os.path.join(folder, "program")
    shutil.copy(t.program, program)
    core, trace = take_core(t, folder, [program])
    os.unlink(program)
    image = report_of(t, core)
    expect(sum(f["reached"]["lost"]["count"] for f in image["findings"] if "reached" in f) == 5,
           "without its program the core is read differently")
    os.unlink(trace)
    report_of(t, core)
    with open(core, "r+b") as file:
        file.truncate(os.path.getsize(core) * 2 // 3)
    result = harness.run([t.unpaired, "postmortem", core])
    said = harness.text(result.stdout + result.stderr, 1 << 20)
    expect(result.status in (0, 1, 2) and ("cut off" in said or "missing" in said), f"{result.status}: {said}")


@check
def python_that_aborts_holds_all_it_has(t, folder):
    program = """
import json, os, threading
table = {str(i): json.dumps(list(range(50))) for i in range(500)}
ready, never = threading.Event(), threading.Event()
def hold():
    mine = [bytes(1000 + i) for i in range(100)]
    ready.set()
    never.wait()
threading.Thread(target=hold, daemon=True).start()
ready.wait()
os.abort()
"""
    script = os.path.join(folder, "script.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write(program)
    core, _ = take_core(t, folder, [os.path.realpath(sys.executable), script])
    image = report_of(t, core)
    expect(image["trace"]["end"] == "signal:6", image["trace"])
    reached = [f["reached"] for f in image["findings"] if "reached" in f]
    held = sum(r["reachable"]["count"] for r in reached)
    other = sum(r[way]["count"] for r in reached for way in ("lost", "indirectly_lost", "possibly"))
    expect(held > 1000 and other * 100 < held, f"{held} held, {other} not")
    leaks = [f for f in image["findings"] if f["severity"] == "leak"]
    expect(not leaks, f"leaks: {[(f['count'], f['function'], f['stack'][:3]) for f in leaks]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--unpaired", required=True)
    parser.add_argument("--preload", required=True)
    parser.add_argument("--program", required=True)
    t = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unpaired-test-") as shared:
        t.core, t.trace = take_core(t, shared, [t.program])
        run_checks(t)


main()
