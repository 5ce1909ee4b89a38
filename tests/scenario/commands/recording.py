"""A recording that goes on, of a program that does what it is told."""
import json
import os

from script import ended, expect, harness, line_of, say, start


class Recording:
    """`record` of a program that obeys lines; `finish` gives its report."""

    def __init__(self, t, folder):
        self.t, self.trace = t, os.path.join(folder, "the.trace")
        self.process = start([t.unpaired, "record", "-o", self.trace, "--", t.program, "obey"])
        self.pid = int(line_of(self.process, "ready ").split()[0])

    def acquire(self, count):
        say(self.process, str(count))
        line_of(self.process, f"acquired {count}")

    def ctl(self, *arguments, target=None):
        result = harness.run([self.t.unpaired, "ctl", target or str(self.pid), *arguments])
        expect(result.status == 0 and result.stderr == b"", f"{arguments}: {result.status} {result.stderr}")
        return harness.text(result.stdout)

    def finish(self):
        say(self.process, "quit")
        result = ended(self.process)
        expect(result.status == 0, f"{result.status} {result.stderr}")
        report = harness.run([self.t.unpaired, "report", "--format=json", self.trace])
        expect(report.status == 1, f"report: {report.status} {report.stderr}")
        return json.loads(report.stdout)["images"][0]

    def live_trace(self):
        """Where the trace is while the program runs."""
        lines = self.ctl("status").splitlines()
        return next(line[len("trace "):] for line in lines if line.startswith("trace "))
