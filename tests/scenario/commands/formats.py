"""The report in every format, through the command: read back by tools that are not ours."""
import gzip
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml

from script import check, expect, harness, main, one_line, tried

try:
    import jsonschema
except ImportError:
    sys.exit("python3-jsonschema is missing: scripts/setup test installs it")

FORMATS = ("text", "json", "html", "sarif", "junit", "folded", "pprof")


def reports(t, folder, *options):
    """A program that leaves five sockets open, reported in all formats: {format: path}."""
    paths = {name: os.path.join(folder, "report." + name) for name in FORMATS}
    outputs = [argument for name, path in paths.items() for argument in ("--output", f"{name}:{path}")]
    result = tried(t, "run", *outputs, *options, "--", t.program, "leak", "5")
    expect(result.status == 0 and result.stdout == b"", f"{result.status} {result.stdout} {result.stderr}")
    return paths


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


@check
def one_run_writes_all_formats(t, folder):
    paths = reports(t, folder)
    for name, path in paths.items():
        expect(os.path.getsize(path) > 20, f"{name} is empty")
    finding = json.loads(read(paths["json"]))["images"][0]["findings"][0]
    expect(finding["count"] == 5 and finding["function"] == "socket", f"{finding}")
    for name in ("text", "html", "sarif", "junit"):
        expect(finding["id"] in read(paths[name]), f"{name} does not name the finding")
    expect("leak_sockets" in finding["sentence"], finding["sentence"])


@check
def files_are_written_though_nobody_reads_standard_output_to_its_end(t, folder):
    path = os.path.join(folder, "report.json")
    nobody, out = os.pipe()
    os.close(nobody)
    subprocess.run([t.unpaired, "run", "--format=text", "--output", f"json:{path}", "--", t.program, "leak", "5"],
                   stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL, timeout=60, check=False)
    os.close(out)
    expect(json.loads(read(path))["images"][0]["findings"][0]["count"] == 5, "another report")


@check
def folded_stacks_end_with_the_acquirer_and_its_weight(t, folder):
    lines = read(reports(t, folder)["folded"]).splitlines()
    expect(len(lines) == 1 and re.fullmatch(r"objects;commands_program;.*main;leak_sockets;socket 5", lines[0]), f"{lines}")


@check
def sarif_is_valid_by_its_schema_and_relative_to_the_sources(t, folder):
    with open(os.path.join(t.source, ".deps", "sarif", "sarif-2.1.0.json"), encoding="utf-8") as file:
        schema = jsonschema.Draft4Validator(json.load(file))
    log = json.loads(read(reports(t, folder, "--source-root", t.source, "--all")["sarif"]))
    problems = [f"{list(error.path)}: {error.message[:200]}" for error in schema.iter_errors(log)]
    expect(not problems, f"not by the schema: {problems}")
    run = log["runs"][0]
    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    expect(place == {"uri": "tests/scenario/commands/program.c", "uriBaseId": "SRCROOT"}, f"{place}")
    expect(run["originalUriBaseIds"]["SRCROOT"]["uri"].startswith("file:///"), f"{run['originalUriBaseIds']}")
    log["runs"][0]["results"][0]["level"] = "leak"
    expect(list(schema.iter_errors(log)), "the schema takes anything")


@check
def junit_is_xml_with_a_failure_for_what_counts(t, folder):
    suites = xml.parse(reports(t, folder)["junit"]).getroot()
    failures = suites.findall("testsuite/testcase/failure")
    expect(suites.tag == "testsuites" and len(failures) == 1, f"{len(failures)} failures")
    expect(failures[0].get("type") == "never-released" and "socket" in failures[0].get("message"), failures[0].get("message"))
    suites = xml.parse(reports(t, folder, "--fail-on=leak")["junit"]).getroot()
    expect(suites.get("failures") == "0", "a suspect fails under --fail-on=leak")


@check
def pprof_is_decoded_by_protoc(t, folder):
    with gzip.open(reports(t, folder)["pprof"]) as file:
        data = file.read()
    here = os.path.dirname(os.path.abspath(__file__))
    try:
        decoded = subprocess.run(["protoc", "--decode", "Profile", "-I", here, "profile.proto"], input=data, check=True,
                                 stdout=subprocess.PIPE).stdout.decode()
    except FileNotFoundError:
        raise harness.Failed("protoc is missing: scripts/setup test installs it") from None
    strings = [json.loads(f'"{text}"') for text in re.findall(r'^string_table: "(.*)"$', decoded, re.MULTILINE)]
    expect(strings[0] == "" and {"unpaired_objects", "unpaired_space", "leak_sockets", "socket"} <= set(strings), f"{strings}")
    expect(not re.search(r"^\d+:", decoded, re.MULTILINE), f"fields that the format does not have: {decoded}")
    expect(re.search(r"^sample \{.*?value: 5\n", decoded, re.MULTILINE | re.DOTALL), decoded)
    build_ids = [text for text in strings if re.fullmatch(r"[0-9a-f]{40}", text)]
    expect(build_ids, f"no build-id of a mapping among {strings}")


@check
def the_report_of_run_goes_to_stderr_and_to_stdout_as_output_says(t, folder):
    for options in (("--format=folded",), ("--output", "folded:/dev/stderr")):
        result = tried(t, "run", *options, "--", t.program, "leak", "2")
        expect(result.stderr.endswith(b"socket 2\n") and result.stdout == b"", f"{options}: {result.stderr}")
    for path in ("-", "/dev/stdout"):
        result = tried(t, "run", "--output", f"folded:{path}", "--", t.program, "leak", "2")
        expect(result.stdout.endswith(b"socket 2\n") and result.stderr == b"", f"{path}: {result.stdout}")
    result = tried(t, "run", "--format=pprof", "--", t.program, "leak", "2")
    expect(result.stderr[:2] == b"\x1f\x8b", "no gzip on a stderr that is no terminal")


@check
def outputs_that_cannot_be_are_told_before_the_program_starts(t, folder):
    file = os.path.join(folder, "report")
    state = ("--", t.program, "state")  # would print something
    one_line(tried(t, "run", "--output", f"json:{file}", "--output", f"html:{file}", *state), "two reports", file)
    one_line(tried(t, "run", "--output", f"json:{file}", "--output", f"html:{folder}/./report", *state), "two reports")
    one_line(tried(t, "run", "--output", "json:-", "--output", "html:-", *state), "two reports for stdout")
    one_line(tried(t, "run", "--format=json", "--output", "html:/dev/stderr", *state), "two reports for stderr")
    one_line(tried(t, "run", "--output", "html:/nowhere/report", *state), "/nowhere/report")
    one_line(tried(t, "run", "--output", f"html:{folder}", *state), folder)
    one_line(tried(t, "run", "--output", f"xml:{file}", *state), "xml", *FORMATS)
    one_line(tried(t, "run", "--source-root=/nowhere", *state), "/nowhere")
    expect(not os.path.exists(file), "something was written")


@check
def a_binary_format_is_not_written_to_a_terminal(t, folder):
    terminal, ours = pty.openpty()
    try:
        result = subprocess.run([t.unpaired, "run", "--output", "pprof:-", "--", t.program, "state"], stdin=subprocess.DEVNULL,
                                stdout=ours, stderr=subprocess.PIPE, timeout=60, check=False)
        expect(result.returncode == 2, f"status {result.returncode}")
        error = result.stderr.decode()
        expect(error.count("\n") == 1 and "terminal" in error and "--output pprof:FILE" in error, error)
    finally:
        os.close(ours)
        os.close(terminal)


@check
def a_full_disk_is_trouble_and_the_trace_stays(t, folder):
    result = harness.run([t.unpaired, "run", "--output", "html:/dev/full", "--", t.program, "leak", "1"])
    error = harness.text(result.stderr)
    expect(result.status == 2 and "No space left" in error and "The traces are still in " in error,
           f"{result.status} {error}")
    place = error.split("The traces are still in ")[1].strip().rstrip(".")
    try:
        expect(any(name.endswith(".trace") for name in os.listdir(place)), f"no trace in {place}")
    finally:
        shutil.rmtree(place)


main()
