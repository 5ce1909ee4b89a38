"""Names that a program chooses (its own, its libraries', threads', functions', files', owners', marks) and the bytes of
its memory reach no output in a form that controls a terminal."""
import argparse
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir, "scenario"))
import harness  # noqa: E402
from checks import check, expect, run_checks  # noqa: E402

# A colour, a title, C1 as a character and as a byte, right-to-left override, line separator, an invisible character, an
# overlong encoding, a line feed.
EVIL = b"\x1b[31m\x1b]0;t\x07\xc2\x9bm\x9b\xe2\x80\xae\xe2\x80\xa8\xe2\x80\x8b\xc0\xaf\xff\n\xd8\x9c"
TEXTS = ("text", "folded", "json", "sarif", "junit", "html")


def expect_plain(output, what):
    """Returns true for valid UTF-8 whose only invisible characters are line feeds and tabs."""
    try:
        text = output.decode()
    except UnicodeDecodeError as problem:
        raise harness.Failed(f"{what}: no UTF-8: {problem}: {output[:2000]}") from None
    for character in text:
        if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp"):
            at = text.index(character)
            raise harness.Failed(f"{what}: {character!r} in {text[max(0, at - 80):at + 80]!r}")


def named(t, folder, symbols=False):
    """Copies the program to such a name. With `symbols`, its names are those of its symbol table."""
    place = os.path.join(os.fsencode(folder), b"place" + EVIL)
    os.makedirs(place, exist_ok=True)
    program = os.path.join(place, b"program" + EVIL)
    shutil.copy(t.program, program)
    if symbols:
        new = b"leak_here=leak\x1b[31m\xc2\x9bm\xe2\x80\xae\xff"
        plain = os.path.join(folder, "plain")
        subprocess.run([harness.needed("objcopy"), "-g", b"--redefine-sym", new, t.program, plain], check=True)
        shutil.copy(plain, program)
    return program


def plain_run(what, *command, statuses=(0, 1), **options):
    result = harness.run(list(command), **options)
    expect(result.status in statuses, f"{what}: status {result.status}: {result.stderr}")
    expect_plain(result.stderr, what + " (stderr)")
    expect_plain(result.stdout, what + " (stdout)")
    return result


def recorded(t, folder, name, *arguments, symbols=False):
    trace = os.path.join(os.fsencode(folder), name)
    result = plain_run("record", t.unpaired, "record", "-o", trace, "--", named(t, folder, symbols), *arguments)
    expect(b"written to" in result.stderr, f"{result.stderr}")
    return trace


@check
def run_and_record_print_such_names_harmlessly(t, folder):
    result = plain_run("run", t.unpaired, "run", "--all", "--", named(t, folder))
    expect(b"leak_here" in result.stderr, f"{result.stderr}")
    recorded(t, folder, b"trace" + EVIL)


@check
def on_a_terminal_colours_and_links_are_the_reports_own(t, folder):
    trace = recorded(t, folder, b"trace")
    for command in (("report", "--all", "--links=on", trace), ("diff", "--all", trace, trace),
                    ("run", "--", named(t, folder))):
        master, terminal = os.openpty()
        process = subprocess.Popen([t.unpaired, *command], stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal,
                                   env=dict(os.environ, TERM="xterm"))
        os.close(terminal)
        output = b""
        while True:
            try:
                output += os.read(master, 65536)
            except OSError:  # the other end is closed
                break
        process.wait(timeout=60)
        os.close(master)
        own = re.sub(rb"\x1b\[[0-9;]*m|\x1b\]8;;[\x21-\x7e]*\x1b\\|\x1b\]8;;[\x21-\x7e]*\x07", b"", output)
        expect(own != output, f"{command[0]}: no colours")
        expect(b"\x1b[31m" not in output.replace(b"\x1b[31mleak", b""), f"{command[0]}: a colour of the program's")
        expect_plain(own.replace(b"\r\n", b"\n"), f"{command[0]} on a terminal")


@check
def each_format_is_plain(t, folder):
    for symbols in (False, True):
        trace = recorded(t, folder, b"trace", symbols=symbols)
        outputs = {}
        for name in (*TEXTS, "pprof"):
            path = os.path.join(folder, name)
            plain_run(name, t.unpaired, "report", "--all", "--output", f"{name}:{path}", trace)
            with open(path, "rb") as file:
                outputs[name] = file.read()
        for name in TEXTS:
            expect_plain(outputs[name], name)
        expect(b"\x1b[" not in gzip.decompress(outputs["pprof"]), "an escape in pprof's names")
        xml.fromstring(outputs["junit"].decode())
        json.loads(outputs["sarif"])
        program = json.loads(outputs["json"])["images"][0]["trace"]["program"]
        expect("\x1b[31m" in program and "\x9bm" in program and "\u202e" in program, f"JSON lost them: {program!r}")


@check
def diff_is_plain(t, folder):
    first, second = recorded(t, folder, b"first" + EVIL), recorded(t, folder, b"second" + EVIL, symbols=True)
    for name in ("text", "json"):
        plain_run(f"diff {name}", t.unpaired, "diff", f"--format={name}", "--all", first, second)


@check
def what_looks_at_a_running_program_is_plain(t, folder):
    process = subprocess.Popen([t.unpaired, "run", "--", named(t, folder), "", "wait"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        pid = process.stdout.readline().decode().split()[1]
        for arguments in (("ctl", pid, "status"), ("ctl", pid, "snapshot"), ("report", "--follow", "--count=1", pid)):
            result = plain_run(" ".join(arguments), t.unpaired, *arguments)
            expect(result.stdout, f"{arguments} prints nothing")
    finally:
        _, error = process.communicate(b"end\n", timeout=60)
    expect_plain(error, "run")


@check
def messages_are_plain(t, folder):
    evil = os.path.join(os.fsencode(folder), b"none" + EVIL)
    for command in (("run", "--", evil), ("record", "--", evil), ("report", evil), ("diff", evil, evil),
                    ("postmortem", evil), ("verify", evil), ("ctl", evil, "status"), ("report", "--suppressions", evil, evil),
                    ("run", b"--" + EVIL), (EVIL,), ("run", "--output", b"json:" + evil + b"/x", "--", "true"),
                    ("run", "--owner", EVIL, "--", "true"), ("report", "--limit", EVIL + b"=1", evil)):
        result = plain_run(str(command), t.unpaired, *command, statuses=(2,))
        expect(result.stderr.count(b"\n") == 1, f"{command}: more than a line: {result.stderr}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--unpaired", required=True)
    parser.add_argument("--preload")
    parser.add_argument("--program", required=True)
    run_checks(parser.parse_args())


main()
