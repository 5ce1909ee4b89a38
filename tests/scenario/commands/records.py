"""record leaves traces, report reads them."""
import json
import os

from script import check, ended, expect, harness, line_of, main, say, start


def record(t, folder, *arguments, options=()):
    result = harness.run([t.unpaired, "record", *options, "--", *arguments], cwd=folder)
    expect(result.stdout == b"" or "ready" in harness.text(result.stdout), f"on stdout: {result.stdout}")
    return result


def images(t, folder, *traces, status=(0, 1)):
    result = harness.run([t.unpaired, "report", "--format=json", *traces], cwd=folder)
    expect(result.status in status, f"report: {result.status} {result.stderr}")
    return json.loads(result.stdout)["images"]


@check
def the_trace_is_named_after_program_and_process(t, folder):
    result = record(t, folder, t.program, "leak", "3", "6")
    expect(result.status == 6, f"status {result.status}")
    names = os.listdir(folder)
    base = os.path.basename(t.program)
    expect(len(names) == 1 and names[0].startswith(f"unpaired.{base}.") and names[0].endswith(".trace"), f"{names}")
    expect(names[0].encode() in result.stderr, f"it is not said where: {result.stderr}")
    image, = images(t, folder, names[0])
    expect(image["totals"]["socket"]["unpaired"] == 3, f"{image['totals']}")
    with open(os.path.join(folder, names[0]), "rb") as file:
        expect(file.read(4) == b"\x28\xb5\x2f\xfd", "not compressed")


@check
def programs_it_starts_leave_theirs_beside_it(t, folder):
    record(t, folder, "sh", "-c", f"{t.program} leak 2; {t.program} leak 5; exit 0", options=["-o", "all.trace"])
    names = sorted(os.listdir(folder))
    expect(len(names) == 3 and names[0] == "all.trace" and all(n.startswith("all.trace.") for n in names[1:]), f"{names}")
    found = images(t, folder, *names)
    counts = sorted(i["totals"].get("socket", {}).get("unpaired", 0) for i in found)
    expect(counts == [0, 2, 5], f"{counts}")
    first, = images(t, folder, "all.trace")
    expect(first["trace"]["program"].endswith("sh"), f"{first['trace']}")


@check
def a_signal_is_in_the_recorded_trace(t, folder):
    result = record(t, folder, t.program, "raise", "6", options=["-o", "t"])
    expect(result.status == 128 + 6, f"status {result.status}")
    image, = images(t, folder, "t")
    expect(image["trace"]["end"] == "signal:6", f"{image['trace']['end']}")


@check
def a_program_that_execs_has_a_trace_for_each(t, folder):
    result = record(t, folder, "sh", "-c", f"exec {t.program} leak 2", options=["-o", "t"])
    expect(result.status == 0, f"status {result.status} {result.stderr}")
    found = images(t, folder, *os.listdir(folder))
    ends = sorted(i["trace"]["end"] for i in found)
    expect(ends == ["exec", "exit"], f"{ends}")


@check
def a_destination_that_cannot_be_written_stops_it_before_it_starts(t, folder):
    result = record(t, folder, t.program, "state", options=["-o", "/nowhere/t.trace"])
    expect(result.status == 2 and b"/nowhere/t.trace" in result.stderr and result.stderr.count(b"\n") == 1,
           f"{result.status} {result.stderr}")


@check
def traces_are_their_owners_alone_whatever_the_umask(t, folder):
    for mask in (0, 0o022, 0o277):
        result = harness.run([t.unpaired, "record", "-o", f"trace{mask}", "--", t.program, "leak", "1"], cwd=folder,
                             prepare=lambda mask=mask: os.umask(mask))
        expect(result.status == 0, f"{result.stderr}")
        mode = os.stat(os.path.join(folder, f"trace{mask}")).st_mode & 0o777
        expect(mode == 0o600, f"umask {mask:o}: {mode:o}")


@check
def keep_leaves_the_raw_traces_and_says_where(t, folder):
    result = harness.run([t.unpaired, "run", "--keep", "--output", "text:/dev/null", "--", t.program, "leak", "1"])
    place = harness.text(result.stderr).strip().rsplit(" ", 1)[-1]
    try:
        names = os.listdir(place)
        expect(len(names) == 1 and names[0].endswith(".trace"), f"{place}: {names}")
        image, = images(t, folder, os.path.join(place, names[0]))
        expect(image["totals"]["socket"]["unpaired"] == 1, f"{image['totals']}")
    finally:
        for name in os.listdir(place):
            os.unlink(os.path.join(place, name))
        os.rmdir(place)


@check
def what_still_runs_is_named_and_its_trace_copied(t, folder):
    process = start([t.unpaired, "record", "-o", os.path.join(folder, "t"), "--", t.program, "obey"])
    line_of(process, "ready ")
    say(process, "child")
    child = int(line_of(process, "child "))
    try:
        said = ""
        while "written to" not in said:  # the child holds stderr open: no end of file to wait for
            line = process.stderr.readline()
            expect(line, f"ended without a word of the trace: {said}")
            said += line
        expect(f"{child} still runs" in said, said)
        found = {i["trace"]["pid"] for i in images(t, folder, os.path.join(folder, "t"))}
        expect(child in found, f"{child} not in {found}")
    finally:
        os.kill(child, 9)
    ended(process)


@check
def report_follows_diff_in_its_exit_status(t, folder):
    record(t, folder, t.program, "leak", "3", options=["-o", "leaky"])
    record(t, folder, t.program, "status", "0", options=["-o", "clean"])

    def status(*arguments):
        return harness.run([t.unpaired, "report", *arguments], cwd=folder).status
    expect(status("clean") == 0, "clean is not 0")
    expect(status("leaky") == 1, "leaky is not 1")
    expect(status("leaky", "--fail-on=leak") == 0, "suspects count with --fail-on=leak")
    expect(status("leaky", "clean") == 1, "leaky and clean is not 1")
    expect(status("leaky", "none") == 2, "a missing file is not 2")
    with open(os.path.join(folder, "known"), "w", encoding="utf-8") as file:
        file.write("leak:leak_sockets\n")
    expect(status("leaky", "--suppressions", "known") == 0, "suppressed and still counted")


@check
def several_outputs_at_once_say_the_same(t, folder):
    result = harness.run([t.unpaired, "run", "--format=text", "--output", "json:r.json", "--output", "text:r.txt", "--",
                          t.program, "leak", "3"], cwd=folder)
    with open(os.path.join(folder, "r.txt"), encoding="utf-8") as file:
        expect(file.read() == harness.text(result.stderr), "the text file differs from stderr")
    with open(os.path.join(folder, "r.json"), encoding="utf-8") as file:
        finding = json.load(file)["images"][0]["findings"][0]
    expect(finding["count"] == 3 and b"3 of 3 sockets never closed" in result.stderr, f"{finding} {result.stderr}")


@check
def a_truncated_trace_gives_what_is_there(t, folder):
    process = start([t.unpaired, "run", "--keep", "--output", "text:/dev/null", "--", t.program, "leak", "3"])
    result = ended(process)
    place = result.stderr.strip().rsplit(" ", 1)[-1]
    name, = os.listdir(place)
    with open(os.path.join(place, name), "rb") as file:
        whole = file.read(1 << 20)
    os.unlink(os.path.join(place, name))
    os.rmdir(place)
    told = 0
    for length in (4096, 5000, 12288, 20000):
        with open(os.path.join(folder, "cut"), "wb") as file:
            file.write(whole[:length])
        result = harness.run([t.unpaired, "report", "cut"], cwd=folder)
        expect(result.status in (0, 1), f"{length}: {result.status} {result.stderr}")
        told += b"remark: " in result.stdout
    expect(told == 4, f"in {4 - told} of 4 cases nothing says what is missing")


main()
