"""What the test runners share: running a program under `unpaired run`, reading expectations, comparing.

Only the standard library. Nothing here knows a single test: expectations stand in the programs.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

COUNTED = ("leak", "suspect")


class Broken(Exception):
    """The test itself is wrong, or a thing it needs is missing."""


class Failed(Exception):
    """The behaviour is not as expected; the text says how."""


class Result:
    """What one run left: status as a shell gives it, both streams, and the report as JSON and text (None: there is
    none)."""

    def __init__(self, status, stdout, stderr, report=None, report_text=None):
        self.status, self.stdout, self.stderr = status, stdout, stderr
        self.report, self.report_text = report, report_text


def run(command, *, env=None, cwd=None, timeout=90, stdin=None, prepare=None):
    """Runs `command` in a session of its own; on timeout that session is killed and the test fails."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=cwd,
                               stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                               start_new_session=True, preexec_fn=prepare)
    try:
        out, err = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise Failed(f"no end after {timeout} s: {' '.join(map(str, command))}\n"
                     f"--- stdout\n{text(out)}\n--- stderr\n{text(err)}")
    status = process.returncode if process.returncode >= 0 else 128 - process.returncode
    return Result(status, out, err)


def text(data, limit=6000):
    shown = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    return shown if len(shown) <= limit else shown[:limit] + f"\n… ({len(shown) - limit} characters more)"


def run_unpaired(unpaired, command, *, options=(), env=None, cwd=None, timeout=90, stdin=None, prepare=None):
    """`command` under `unpaired run`: its streams and status, and the report as JSON and text."""
    with tempfile.TemporaryDirectory(prefix="unpaired-test-") as folder:
        report, report_text = os.path.join(folder, "report.json"), os.path.join(folder, "report.txt")
        result = run([unpaired, "run", *options, "--output", f"json:{report}", "--output", f"text:{report_text}", "--",
                      *command], env=env, cwd=cwd, timeout=timeout, stdin=stdin, prepare=prepare)
        try:
            with open(report, encoding="utf-8") as file:
                result.report = json.load(file)
            with open(report_text, encoding="utf-8") as file:
                result.report_text = file.read()
        except (OSError, ValueError) as problem:
            raise Failed(f"no readable report ({problem}); status {result.status}\n"
                         f"--- stdout\n{text(result.stdout)}\n--- stderr\n{text(result.stderr)}") from None
    return result


def needed(program):
    """Where a program that a test runs is installed."""
    path = shutil.which(program, path="/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin:/usr/local/sbin")
    if not path:
        raise Broken(f"{program} is missing; scripts/setup installs what the tests need")
    return path


def counted(image, severities=COUNTED):
    """The findings of an image that count: leak and suspect, unless other severities are named."""
    return [f for f in image.get("findings", []) if f["severity"] in severities and not f.get("suppressed_by")]


def all_counted(report):
    return [f for image in report["images"] for f in counted(image)]


def show_finding(f):
    """One finding in a few lines, for a person who reads a failed test."""
    blame = f.get("blame") or {}
    lines = [f"{f['severity']} {f['rule']}: {f.get('count')} × {f.get('function')} ({f.get('family')}), "
             f"{f.get('bytes')} B, owner {f.get('owner')!r}, acquired {f.get('acquired')}, "
             f"released {f.get('released')}, blame {blame.get('function')} "
             f"{os.path.basename(blame.get('file') or '?')}:{blame.get('line')}"]
    if f.get("parts"):
        lines.append(f"    parts {json.dumps(f['parts'])}")
    for key in ("stack",):
        lines += ["    " + show_frame(frame) for frame in f.get(key, [])[:10]]
    for key in ("failed_release", "ended_by", "forecast"):
        if f.get(key):
            other = dict(f[key])
            stack = other.pop("stack", [])
            lines.append(f"    {key} {json.dumps(other)}")
            lines += ["        " + show_frame(frame) for frame in stack[:8]]
    for remark in f.get("remarks", []):
        lines.append(f"    · {remark}")
    return "\n".join(lines)


def show_frame(frame):
    return (f"{frame.get('function') or '?'}  {os.path.basename(frame.get('file') or '')}:{frame.get('line')}"
            f"  {os.path.basename(frame.get('module') or '')}")


def show_image(image):
    trace = image["trace"]
    head = f"image pid {trace.get('pid')} parent {trace.get('parent')} {trace.get('program')} end={trace.get('end')}"
    notes = sum(1 for f in image.get("findings", []) if f["severity"] == "note")
    lines = [head] + ["  · " + r for r in image.get("remarks", [])]
    shown = counted(image)
    lines += ["  " + show_finding(f).replace("\n", "\n  ") for f in shown[:12]]
    if len(shown) > 12:
        lines.append(f"  … {len(shown) - 12} more findings")
    return "\n".join(lines + [f"  ({notes} notes)"])


# ---- comparing ------------------------------------------------------------------------------------------

def plain_function(name):
    """`ns::f(int) [clone .part.0]` → `ns::f`: what a test writes."""
    name = re.sub(r"\s*\[clone .*\]$", "", name or "")
    name = name.replace("(anonymous namespace)::", "")
    name = re.sub(r"\(.*$", "", name)
    return re.sub(r"\.(isra|part|constprop|cold)\.?\d*$", "", name)


class Marks:
    """Where the comments `blame:NAME` stand in the sources of a test."""

    def __init__(self, sources):
        self.places = {}
        for source in sources:
            with open(source, encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    for name in re.findall(r"/[/*].*?\bblame:(\w+)", line):
                        if name in self.places:
                            raise Broken(f"{source}:{number}: the mark {name!r} stands twice")
                        self.places[name] = (os.path.basename(source), number)

    def frame_matches(self, wanted, frame):
        """`function`, `function:mark` or `:mark`."""
        function, _, mark = wanted.partition(":") if "::" not in wanted else split_scoped(wanted)
        if function and plain_function(frame.get("function")) != function:
            return False
        if not mark:
            return True
        if mark not in self.places:
            raise Broken(f"no comment blame:{mark} in the sources")
        return (os.path.basename(frame.get("file") or ""), frame.get("line")) == self.places[mark]

    def with_lines(self, text):
        """`text` with the line of the comment `blame:NAME` for each `{NAME}`."""
        def line(match):
            if match.group(1) not in self.places:
                raise Broken(f"no comment blame:{match.group(1)} in the sources")
            return str(self.places[match.group(1)][1])
        return re.sub(r"\{(\w+)\}", line, text)

    def describe(self, wanted):
        function, _, mark = wanted.partition(":") if "::" not in wanted else split_scoped(wanted)
        place = self.places.get(mark)
        return f"{function} at {place[0]}:{place[1]}" if place else function


def split_scoped(wanted):
    match = re.match(r"^((?:\w+::)*~?\w+)(?::(\w+))?$", wanted)
    if not match:
        raise Broken(f"not a frame: {wanted!r}")
    return match.group(1), ":", match.group(2) or ""


def difference(wanted, found, marks, path=""):
    """None if `found` has everything that `wanted` asks for, else one line about the first difference."""
    key = path.rsplit(".", 1)[-1]
    if key == "blame" and isinstance(wanted, str):
        if marks.frame_matches(wanted, found or {}):
            return None
        return f"{path}: wanted {marks.describe(wanted)}, found {show_frame(found or {})}"
    if key == "stack":
        rest = list(found or [])
        for frame in wanted:
            while rest and not marks.frame_matches(frame, rest[0]):
                rest.pop(0)
            if not rest:
                return f"{path}: no frame {marks.describe(frame)} (in this order)"
            rest.pop(0)
        return None
    if isinstance(wanted, dict):
        if not isinstance(found, dict):
            return f"{path}: missing"
        for name, value in wanted.items():
            if name not in found:
                if value is None:
                    continue
                return f"{path}.{name}: missing"
            problem = difference(value, found[name], marks, f"{path}.{name}")
            if problem:
                return problem
        return None
    if isinstance(wanted, str) and (bound := re.match(r"^(>=|<=|>|<|!=)(-?\d+)$", wanted)):
        number = int(bound.group(2))
        holds = isinstance(found, (int, float)) and {
            ">=": found >= number, "<=": found <= number, ">": found > number, "<": found < number,
            "!=": found != number}[bound.group(1)]
        return None if holds else f"{path}: wanted {wanted}, found {found!r}"
    if isinstance(wanted, str) and wanted.startswith("~"):
        return None if isinstance(found, str) and re.search(wanted[1:], found) else \
            f"{path}: wanted something like {wanted[1:]!r}, found {found!r}"
    if isinstance(wanted, list):
        if not isinstance(found, list) or len(found) != len(wanted):
            return f"{path}: wanted {wanted!r}, found {found!r}"
        for index, (w, f) in enumerate(zip(wanted, found)):
            problem = difference(w, f, marks, f"{path}[{index}]")
            if problem:
                return problem
        return None
    return None if wanted == found else f"{path}: wanted {wanted!r}, found {found!r}"


def assign(wanted, found, marks):
    """Pairs every wanted finding with one found, each at most once. Returns (unmatched wanted, unmatched found)."""
    fits = [[j for j, f in enumerate(found) if difference(w, f, marks) is None] for w in wanted]
    owner = {}

    def place(i, seen):
        for j in fits[i]:
            if j not in seen:
                seen.add(j)
                if j not in owner or place(owner[j], seen):
                    owner[j] = i
                    return True
        return False

    missing = [w for i, w in enumerate(wanted) if not place(i, set())]
    return missing, [f for j, f in enumerate(found) if j not in owner]


def nearest(wanted, found, marks):
    """For each found finding, why it is not the wanted one."""
    return [f"      not {f['rule']} of {f.get('function')}: {difference(wanted, f, marks)}" for f in found]


def fail(message):
    raise Failed(message)


def main(test):
    """Runs a test function and turns its outcome into an exit status: 1 failed, 2 broken."""
    try:
        test()
    except Failed as failure:
        print(f"FAILED: {failure}")
        sys.exit(1)
    except Broken as problem:
        print(f"BROKEN: {problem}")
        sys.exit(2)
