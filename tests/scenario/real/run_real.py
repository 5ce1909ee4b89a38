#!/usr/bin/env python3
"""Programs that are not ours, with no leak to find: none is reported, and what they do is what they do without us."""
import argparse
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness  # noqa: E402
import loads  # noqa: E402
import redis_server  # noqa: E402
from harness import Broken, Failed, needed, show_image  # noqa: E402

NODE = """
const fs = require('fs');
let open = 0;
for (let i = 0; i < 50; i++) { const fd = fs.openSync('/dev/null', 'r'); open++; fs.closeSync(fd); open--; }
(async () => {
  const handles = [];
  for (let i = 0; i < 50; i++) handles.push(await fs.promises.open('/dev/null', 'r'));
  for (const handle of handles) await handle.close();
  console.log('node closed all', open);
})();
"""


def check(unpaired, command, stdin=None, env=None, cwd=None, findings=("leak",), closes=None):
    """Runs the command without us and with us; compares, and looks for findings of the given severities."""
    native = harness.run(command, stdin=stdin, env=env, cwd=cwd)
    ours = harness.run_unpaired(unpaired, command, stdin=stdin, env=env, cwd=cwd, timeout=150)
    problems = []
    for what in ("status", "stdout", "stderr"):
        a, b = getattr(native, what), getattr(ours, what)
        if a != b:
            problems.append(f"{what} without us: {harness.text(str(a), 2000)}\nwith us: {harness.text(str(b), 2000)}")
    if native.status != 0:
        problems.append(f"the program itself failed: {native.status}\n{harness.text(native.stderr)}")
    problems += without_findings(ours.report, findings)
    if closes:
        family, least = closes
        totals = ours.report["images"][0]["totals"].get(family, {})
        seen = max((i["totals"].get(family, {}).get("acquired", 0) for i in ours.report["images"]), default=0)
        if seen < least:
            problems.append(f"only {seen} of at least {least} of the family {family} were seen: {totals}")
    if problems:
        raise Failed("\n".join(problems))


def without_findings(report, severities):
    if not report["images"]:
        return ["the report has no image"]
    return ["found:\n" + show_image(image) for image in report["images"] if harness.counted(image, severities)]


def redis(unpaired):
    client = needed("redis-cli")
    with tempfile.TemporaryDirectory(prefix="unpaired-test-") as folder:
        report = os.path.join(folder, "report.json")
        with redis_server.serving(folder, launcher=[unpaired, "run", "--output", f"json:{report}", "--"]) as path:
            commands = "".join(f"set key:{i} {'v' * (i + 1)}\n" for i in range(200)) + \
                "".join(f"lpush list {i}\n" for i in range(200)) + "get key:7\nllen list\ndbsize\n"
            answer = harness.run([client, "-s", path], stdin=commands.encode())
            if answer.stdout.split()[-3:] != [b"vvvvvvvv", b"200", b"201"]:
                raise Failed(f"redis answered {answer.stdout[-200:]!r} {answer.stderr!r}")
        with open(report, encoding="utf-8") as file:
            problems = without_findings(json.load(file), ("leak",))
        if problems:
            raise Failed("\n".join(problems))


def git(unpaired):
    program = needed("git")
    with tempfile.TemporaryDirectory(prefix="unpaired-test-") as folder:
        env = dict(os.environ, HOME=folder, GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="t", GIT_AUTHOR_EMAIL="t@t",
                   GIT_COMMITTER_NAME="t", GIT_COMMITTER_EMAIL="t@t", GIT_AUTHOR_DATE="2020-01-01T00:00:00Z",
                   GIT_COMMITTER_DATE="2020-01-01T00:00:00Z", GIT_PAGER="cat")
        for i in range(20):
            with open(os.path.join(folder, f"file{i}"), "w", encoding="utf-8") as file:
                file.write(f"{i}\n" * 100)
        for step in (["init", "-q"], ["add", "."], ["commit", "-qm", "all of it"]):
            if harness.run([program, *step], cwd=folder, env=env).status != 0:
                raise Broken(f"git {step} fails")
        check(unpaired, [program, "log", "-p", "--stat"], env=env, cwd=folder)
        check(unpaired, [program, "fsck"], env=env, cwd=folder)


def xz(unpaired):
    data = bytes(range(256)) * 4000
    check(unpaired, [needed("xz"), "-6", "-c"], stdin=data)


CASES = {
    "ls": lambda u: check(u, [needed("ls"), "-la", "/etc"]),
    "xz": xz,
    "git": git,
    "sqlite3": lambda u: check(u, [needed("sqlite3"), ":memory:"], stdin=loads.SQL.encode()),
    "python3": lambda u: check(u, ["/usr/bin/python3", "-c", loads.PYTHON]),
    "python3-pass": lambda u: check(u, ["/usr/bin/python3", "-c", "pass"]),
    "node": lambda u: check(u, [needed("node"), "-e", NODE], closes=("file", 100)),
    "redis": redis,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--unpaired", required=True)
    parser.add_argument("case", choices=sorted(CASES))
    arguments = parser.parse_args()
    CASES[arguments.case](arguments.unpaired)


harness.main(main)
