"""ctl snapshot looks at the memory of a program that runs."""
import json
import os
import subprocess

from script import Failed, check, ended, expect, harness, line_of, main, one_line, say, start, tried


class Recording:
    """`record` of a program that obeys lines."""

    def __init__(self, t, folder):
        self.t, self.trace = t, os.path.join(folder, "the.trace")
        self.process = start([t.unpaired, "record", "-o", self.trace, "--", t.program, "obey"])
        self.pid = int(line_of(self.process, "ready ").split()[0])

    def obey(self, line, answer):
        say(self.process, line)
        line_of(self.process, answer)

    def snapshot(self):
        result = harness.run([self.t.unpaired, "ctl", str(self.pid), "snapshot"])
        expect(result.status == 0 and result.stderr == b"", f"{result.status} {result.stderr}")
        return harness.text(result.stdout)

    def live_trace(self):
        status = harness.run([self.t.unpaired, "ctl", str(self.pid), "status"])
        return next(line[len("trace "):] for line in harness.text(status.stdout).splitlines()
                    if line.startswith("trace "))

    def report(self, trace):
        result = harness.run([self.t.unpaired, "report", "--format=json", "--all", trace])
        return json.loads(result.stdout)["images"][0]

    def finish(self):
        say(self.process, "quit")
        result = ended(self.process)
        expect(result.status == 0, f"{result.status} {result.stderr}")
        return self.report(self.trace)


def blamed(image, function):
    found = [f for f in image["findings"] if f["blame"].get("function") == function]
    expect(len(found) == 1, f"{function}: {found}")
    return found[0]


def words(text):
    """What a summary counts: {"lost": 20, ...}."""
    counts = {}
    for line in text.splitlines():
        for what in ("lost with them", "possibly lost", "lost", "reachable"):
            if line.strip().startswith(what + " "):
                counts[what] = int(line.strip()[len(what):].split()[0].replace(",", ""))
                break
    return counts


@check
def what_nothing_points_to_is_lost_while_the_program_runs(t, folder):
    recording = Recording(t, folder)
    recording.obey("30", "acquired 30")
    recording.obey("keep 5", "kept 5")
    said = recording.snapshot()
    expect(str(recording.pid) in said and "unpaired report" in said, said)
    expect(words(said).get("lost") == 30 and words(said).get("reachable", 0) >= 5, said)
    # and: where, in the words of a report of that moment; what is held is not among it
    report = harness.text(harness.run([t.unpaired, "report", recording.live_trace()]).stdout)
    sites = " ".join(said.split("Lost or possibly lost:\n")[1].split("\n\n")[0].split())
    expect(sites.startswith("30 of 30 heap blocks") and "malloc in acquire, program.c:" in sites, said)
    expect("keep" not in sites and sites in " ".join(report.split()), f"{sites}\n{report}")
    image = recording.report(recording.live_trace())
    lost, kept = blamed(image, "acquire"), blamed(image, "keep")
    expect(image["trace"]["end"] == "running", image["trace"])
    expect(lost["severity"] == "leak" and lost["reached"]["lost"]["count"] == 30, lost)
    expect(kept["severity"] == "note" and kept["reached"]["reachable"]["count"] == 5, kept)
    expect(kept["held_by"].startswith("held by kept"), kept["held_by"])
    recording.finish()


@check
def the_program_goes_on_and_later_looks_count_more_than_earlier_ones(t, folder):
    recording = Recording(t, folder)
    recording.obey("keep 20", "kept 20")
    said = recording.snapshot()
    expect("lost" not in words(said) and "Lost or" not in said, f"lost too early: {said}")
    recording.obey("40", "acquired 40")
    expect(words(recording.snapshot()).get("lost") == 40, "not lost")
    image = recording.finish()
    expect(image["trace"]["end"] == "exit", image["trace"])
    expect(blamed(image, "acquire")["reached"]["lost"]["count"] == 40, image)
    expect(blamed(image, "keep")["reachability"] == "reachable", image)


@check
def a_few_blocks_may_be_in_registers_unless_they_are_of_an_earlier_cycle(t, folder):
    recording = Recording(t, folder)
    recording.obey("3", "acquired 3")
    said = recording.snapshot()
    expect("lost" not in words(said) and words(said).get("possibly lost") == 3, said)
    harness.run([t.unpaired, "ctl", str(recording.pid), "mark", "next"])
    said = recording.snapshot()
    expect(words(said).get("lost") == 3 and "in cycle 1" in said, said)
    recording.finish()


@check
def a_process_of_somebody_else_may_not_be_looked_at(t, folder):
    if os.geteuid() != 0:
        raise Failed("this check needs root, to become somebody else")
    recording = Recording(t, folder)
    process = subprocess.run([t.unpaired, "ctl", str(recording.pid), "snapshot"], stdin=subprocess.DEVNULL,
                             capture_output=True, user=65534, group=65534, extra_groups=[], timeout=60)
    one_line(harness.Result(process.returncode, process.stdout, process.stderr), str(recording.pid), "root")
    recording.finish()


@check
def what_nobody_records_into_has_no_snapshot(t, folder):
    recording = Recording(t, folder)
    recording.finish()
    one_line(tried(t, "ctl", recording.trace, "snapshot"), recording.trace)
    one_line(tried(t, "ctl", str(os.getpid()), "snapshot"), "not being recorded")


main()
