"""diff, --baseline and suppressions: what is known does not count, what is new does."""
import json
import os
import subprocess

from script import check, expect, harness, main, one_line, tried


def save(t, folder, name, count, *options):
    """The report of a program that leaves `count` sockets, saved as JSON."""
    path = os.path.join(folder, name)
    harness.run([t.unpaired, "run", "--output", f"json:{path}", *options, "--", t.program, "leak", str(count)])
    expect(os.path.exists(path), f"no {path}")
    return path


def record(t, folder, name, count):
    path = os.path.join(folder, name)
    harness.run([t.unpaired, "record", "-o", path, "--", t.program, "leak", str(count)])
    return path


def status_and_text(t, *arguments):
    result = tried(t, *arguments)
    return result.status, harness.text(result.stdout, 1 << 16), harness.text(result.stderr)


@check
def diff_tells_what_is_new_grown_gone_and_unchanged_by_its_status(t, folder):
    none, three, five = save(t, folder, "none", 0), save(t, folder, "three", 3), save(t, folder, "five", 5)
    for old, new, status, words in ((none, three, 1, ": 1 new ("), (three, five, 1, ": 1 grown ("),
                                    (five, three, 0, ": nothing new, 1 shrunk ("),
                                    (three, none, 0, ": nothing new, 1 gone ("), (three, three, 0, ": nothing new (")):
        found, text, error = status_and_text(t, "diff", old, new)
        expect(found == status, f"{old} {new}: status {found}\n{text}{error}")
        expect(words in text, f"no '{words}' in\n{text}")
        expect(error == "", f"on stderr: {error}")


@check
def diff_takes_traces_and_saved_reports_in_any_mixture(t, folder):
    saved, raw = save(t, folder, "saved.json", 3), record(t, folder, "later.trace", 5)
    for old, new in ((saved, raw), (raw, saved), (raw, raw), (saved, saved)):
        found, text, error = status_and_text(t, "diff", old, new)
        expect(found == (1 if (old, new) == (saved, raw) else 0), f"{old} {new}: {found}\n{text}{error}")
    _, text, _ = status_and_text(t, "diff", saved, raw)
    expect("5 of 5 sockets" in text and "3 before" in text, text)
    # and: a saved report may be compressed, as traces are
    subprocess.run(["zstd", "-q", saved], check=True)
    found, text, error = status_and_text(t, "diff", saved + ".zst", raw)
    expect(found == 1, f"{found}\n{text}{error}")


@check
def diff_as_json_has_both_sides_and_the_finding(t, folder):
    old, new = save(t, folder, "old.json", 3), save(t, folder, "new.json", 5)
    found, text, _ = status_and_text(t, "diff", old, new, "--format=json")
    told = json.loads(text)
    expect(found == 1 and told["schema"] == "unpaired-diff/1", text)
    grown, = (one for one in told["differences"] if one["change"] == "grown")
    expect((grown["old"]["count"], grown["new"]["count"], grown["counts"]) == (3, 5, True), f"{grown}")
    expect(grown["finding"]["blame"]["function"] == "leak_sockets", f"{grown['finding']['blame']}")


@check
def fail_on_and_suppressions_hold_for_diff_too(t, folder):
    none, three = save(t, folder, "none", 0), save(t, folder, "three", 3)
    found, text, _ = status_and_text(t, "diff", none, three, "--fail-on=leak")
    expect(found == 0 and "1 new" in text, f"{found} {text}")
    with open(os.path.join(folder, "s"), "w", encoding="utf-8") as file:
        file.write("socket:leak_sockets\nleak:nobody\n")
    found, text, _ = status_and_text(t, "diff", none, three, "--suppressions", os.path.join(folder, "s"))
    expect(found == 0 and "1 finding suppressed" in text, f"{found} {text}")
    expect("leak:nobody' matched nothing" in text, text)


@check
def what_diff_cannot_compare_is_told_in_one_line(t, folder):
    good = save(t, folder, "good.json", 3)
    with open(good, encoding="utf-8") as file:
        text = file.read()

    def written(name, content):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        return path
    for content, word in ((text[:len(text) // 2], "breaks off"), ("{\"a\": 1}", "no report of unpaired"),
                          (text.replace("unpaired-report/1", "unpaired-report/9"), "unpaired-report/9"),
                          (text.replace('"count": 3', '"count": "3"'), "count is not"), ("", "empty"),
                          ("hello", "trace")):
        bad = written("bad.json", content)
        one_line(tried(t, "diff", good, bad), "bad.json", word)
        one_line(tried(t, "diff", bad, good), "bad.json", word)
    one_line(tried(t, "diff", good), "NEW")
    one_line(tried(t, "diff", good, "/nowhere"), "/nowhere")
    one_line(tried(t, "diff", good, good, "--format=html"), "html", "json and text")
    one_line(tried(t, "diff", good, good, "--baseline", good), "--baseline")
    one_line(tried(t, "diff", good, good, "--elf", t.program), "wraplib")


@check
def what_is_in_the_baseline_does_not_count_and_more_of_it_does(t, folder):
    baseline = save(t, folder, "baseline.json", 3)

    def run(count, *options):
        return tried(t, "run", "--error-exitcode=99", "--baseline", baseline, *options, "--", t.program, "leak",
                     str(count))
    same = run(3)
    expect(same.status == 0, f"status {same.status} {same.stderr}")
    text = harness.text(same.stderr)
    expect("1 finding as in the baseline, not shown: --all shows them." in text, text)
    expect(": nothing new (" in text and "never closed" not in text, text)
    expect(run(2).status == 0, "fewer count")
    more = run(5)
    expect(more.status == 99, f"status {more.status}")
    expect("grown: 3 in the baseline, 5 now" in harness.text(more.stderr), harness.text(more.stderr))
    # and: the report says it in its data
    result = json.loads(harness.run([t.unpaired, "run", "--format=json", "--baseline", baseline, "--", t.program,
                                     "leak", "5"]).stderr)
    finding, = (f for f in result["images"][0]["findings"] if f["family"] == "socket")
    expect(finding["baseline"] == {"count": 3, "bytes": 0, "per_cycle": 0.0, "grown": True}, f"{finding}")
    # and: a trace will do as well
    trace = record(t, folder, "b.trace", 3)
    expect(tried(t, "report", trace, "--baseline", baseline).status == 0, "report")
    expect(tried(t, "report", trace, "--baseline", trace).status == 0, "a trace as the baseline")


@check
def a_baseline_that_is_none_stops_before_the_program_starts(t, folder):
    mark = os.path.join(folder, "started")
    for path, word in (("/nowhere", "--output json:"), (t.program, "--baseline"), (folder, "--baseline")):
        one_line(tried(t, "run", "--baseline", path, "--", "touch", mark), path, word)
    expect(not os.path.exists(mark), "the program was started")


@check
def saved_reports_are_joined_and_their_unused_suppressions_are_those_of_all(t, folder):
    lists = os.path.join(folder, "s")
    with open(lists, "w", encoding="utf-8") as file:
        file.write("socket:leak_sockets max=3\nleak:nobody\n")
    first = save(t, folder, "first.json", 3, "--suppressions", lists)
    second = save(t, folder, "second.json", 0, "--suppressions", lists)
    with open(second, encoding="utf-8") as file:
        expect(len(json.load(file)["unused_suppressions"]) == 2, "the second run needs neither")
    joined = json.loads(harness.run([t.unpaired, "report", first, second, "--format=json"]).stdout)
    expect(len(joined["images"]) == 2, f"{len(joined['images'])} images")
    expect([one["text"] for one in joined["unused_suppressions"]] == ["leak:nobody"], f"{joined}")
    # and: what was suppressed stays so, and joins as text too
    found, text, _ = status_and_text(t, "report", first, second)
    expect(found == 0 and "1 suppression matched nothing:\n" in text, f"{found}\n{text}")


@check
def broken_suppression_lines_are_told_once_in_their_order_and_the_others_hold(t, folder):
    lists = os.path.join(folder, "my.supp")
    with open(lists, "wb") as file:
        file.write(b"\xef\xbb\xbf# from Windows\r\nsocket:leak_sockets\r\nsokcet:x\r\n:foo\r\nleak:nobody\r\n")
    trace = record(t, folder, "t", 3)
    told = ["my.supp:3: suppression 'sokcet:x': there is no family or rule 'sokcet'; did you mean socket?",
            "my.supp:4: suppression ':foo': it does not begin with a type and one ':'; write leak:foo"]
    # when the report is text on stdout: it says so, and nobody else does
    found, text, error = status_and_text(t, "report", trace, "--suppressions", lists)
    flat = " ".join(text.split())
    expect(found == 0 and error == "", f"the good line does not hold, or it is told twice: {found}\n{text}{error}")
    expect([flat.count(one) for one in told] == [1, 1] and flat.index(told[0]) < flat.index(told[1]), text)
    expect("1 suppression matched nothing:\n" in text and "my.supp:5  leak:nobody" in text, text)
    found, text, error = status_and_text(t, "diff", trace, trace, "--suppressions", lists)
    flat = " ".join(text.split())
    expect(found == 0 and error == "" and [flat.count(one) for one in told] == [1, 1], f"{text}{error}")
    # when stdout is for a machine: stderr tells it too
    found, text, error = status_and_text(t, "report", trace, "--suppressions", lists, "--format=json")
    expect([line.partition("my.supp")[2] for line in error.splitlines()] == [one[7:] for one in told], error)
    expect([one.partition("my.supp")[2] for one in json.loads(text)["remarks"]] == [one[7:] for one in told], text)


@check
def suppressions_may_come_from_a_pipe(t, folder):
    trace = record(t, folder, "t", 3)
    script = f"{t.unpaired} report {trace} --suppressions <(echo socket:leak_sockets)"
    result = harness.run(["bash", "-c", script])
    expect(result.status == 0, f"{result.status} {harness.text(result.stdout)}")


@check
def files_that_are_no_suppressions_are_refused(t, folder):
    trace = record(t, folder, "t", 3)
    utf16 = os.path.join(folder, "utf16")
    with open(utf16, "wb") as file:
        file.write("leak:x\n".encode("utf-16"))
    for path, word in ((folder, "folder"), ("/nowhere", "No such file"), (t.program, "no text"), (utf16, "UTF-16")):
        one_line(tried(t, "report", trace, "--suppressions", path), path, word)


@check
def a_status_of_its_own_that_the_findings_replace_is_told(t, folder):
    result = tried(t, "run", "--error-exitcode=99", "--", t.program, "leak", "3", "4")
    expect(result.status == 99, f"{result.status}")
    expect(b"the program itself failed, with status 4" in result.stderr, f"{result.stderr}")
    result = tried(t, "run", "--error-exitcode=99", "--", t.program, "leak", "3")
    expect(result.status == 99 and b"itself failed" not in result.stderr, f"{result.status} {result.stderr}")


@check
def a_report_on_stderr_goes_behind_what_is_there(t, folder):
    log = os.path.join(folder, "log")
    with open(log, "w", encoding="utf-8") as file:
        file.write("before\n")
    subprocess.run(["sh", "-c", f"exec {t.unpaired} run --output text:/dev/stderr -- {t.program} leak 3 2>>{log}"],
                   check=True, stdout=subprocess.DEVNULL, timeout=60)
    with open(log, encoding="utf-8") as file:
        text = file.read()
    expect(text.startswith("before\n") and "3 of 3 sockets" in text, text)


main()
