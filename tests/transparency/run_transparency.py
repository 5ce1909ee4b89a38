#!/usr/bin/env python3
"""The program must not notice us, and the machine must not be left different."""
import argparse
import difflib
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario"))
import harness  # noqa: E402
from harness import Broken, Failed  # noqa: E402

ENTRY_POINTS = {"unpaired_owner_push_impl", "unpaired_owner_pop_impl", "unpaired_mark_impl"}


def plain_environment():
    """A small fixed environment: what differs between two runs is then ours. (The build may be instrumented.)"""
    return {"PATH": "/usr/bin:/bin", "LANG": "C", "HOME": "/", "KEPT": "as it is"}


def probe(arguments):
    """Everything the probe tells of itself is equal without us and with us."""
    env = plain_environment()
    native = harness.run([arguments.program], env=env)
    again = harness.run([arguments.program], env=env)
    if native.stdout != again.stdout:
        raise Broken("the probe does not tell the same twice without us")
    ours = harness.run_unpaired(arguments.unpaired, [arguments.program], env=env)
    if len(native.stdout.splitlines()) < 100 or native.status != 5:
        raise Broken(f"the probe ended early: {native.status}\n{harness.text(native.stdout)}")
    problems = list(difflib.unified_diff(native.stdout.decode().splitlines(), ours.stdout.decode().splitlines(),
                                         "without us", "with us", n=0, lineterm=""))
    for what in ("status", "stderr"):
        if getattr(native, what) != getattr(ours, what):
            problems.append(f"{what}: without us {getattr(native, what)!r}, with us {getattr(ours, what)!r}")
    if not ours.report["images"] or ours.report["images"][0]["totals"].get("heap", {}).get("acquired", 0) == 0:
        problems.append("the probe was not recorded at all")
    if problems:
        raise Failed("\n".join(problems))


def exports(arguments):
    """The library exports its hooks and three entry points, and needs the C library only."""
    found = symbols(["nm", "-D", "--defined-only", arguments.preload])
    table = {line.split()[1] for line in harness.run([arguments.table, "--table"]).stdout.decode().splitlines()}
    table |= {line.split()[1] for line in harness.run([arguments.lwip_table, "--table"]).stdout.decode().splitlines()}
    if len(table) < 150:
        raise Broken(f"only {len(table)} functions in the table")
    wanted = table | ENTRY_POINTS
    if found != wanted:
        raise Failed(f"exported, but in no table: {sorted(found - wanted)}; missing: {sorted(wanted - found)}")
    dynamic = harness.run(["readelf", "-dW", arguments.preload]).stdout.decode()
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
    if not needed <= {"libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"} or not needed:
        raise Failed(f"needs {sorted(needed)}")
    if "TEXTREL" in dynamic:
        raise Failed("has text relocations")


def symbols(command):
    return {line.split()[-1].split("@")[0] for line in harness.run(command).stdout.decode().splitlines()
            if line.split()[-2] in "TWViDBR"}


def nothing_left(arguments):
    """After `run` no file is left, however the program ended. /dev/shm is a fresh one in a namespace of our own."""
    script = """mount -t tmpfs tmpfs /dev/shm || exit 125
                export TMPDIR="$2/tmp"; cd "$2/work" || exit 125
                "$1" run --output "json:$2/report.json" -- sh -c "$3"; status=$?
                ls -A /dev/shm "$2/tmp" "$2/work" >"$2/left"; exit $status"""
    namespace = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]
    for what, status in (("true", 0), ("kill -9 $$", 137), ("kill -TERM $$", 143), ("(sleep 1 & exit 3)", 3),
                         ("exec /nonexistent/program", 127)):
        with tempfile.TemporaryDirectory(prefix="unpaired-test-") as folder:
            os.mkdir(os.path.join(folder, "tmp"))
            os.mkdir(os.path.join(folder, "work"))
            result = harness.run([*namespace, "sh", "-c", script, "sh", arguments.unpaired, folder, what],
                                 cwd=folder)
            if result.status == 125:
                raise Broken(f"cannot mount a tmpfs in a namespace: {result.stderr.decode()}")
            with open(os.path.join(folder, "left"), encoding="utf-8") as file:
                left = [line for line in file.read().splitlines() if line and not line.endswith(":")]
            if result.status != status or left:
                raise Failed(f"{what}: status {result.status}, wanted {status}; left behind: {left}\n"
                             f"{harness.text(result.stderr)}")


CASES = {"probe": probe, "exports": exports, "nothing-left": nothing_left}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=sorted(CASES))
    for option in ("unpaired", "preload", "program", "table", "lwip-table"):
        parser.add_argument(f"--{option}")
    arguments = parser.parse_args()
    CASES[arguments.case](arguments)


harness.main(main)
