"""What the scripts of this folder share: named checks, and the command under test."""
import argparse
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
import checks  # noqa: E402
import harness  # noqa: E402
from checks import expect, run_checks  # noqa: E402

check = checks.check
Failed = harness.Failed


def folders_of(pid):
    places = {"/dev/shm", os.environ.get("TMPDIR", "/tmp"), "/tmp"}
    return {os.path.join(place, name) for place in places if os.path.isdir(place) for name in os.listdir(place)
            if name.startswith(f"unpaired-{pid}")}


# of launchers that somebody killed, long ago perhaps: their numbers come again
LEFT_BEFORE = folders_of("")


def private_folders(pid):
    """What the launcher of that pid has in its private place now: other tests run at the same time."""
    return folders_of(f"{pid}-") - LEFT_BEFORE


def tried(t, *arguments, cwd=None):
    """The command's result; it must have left no private folder."""
    process = subprocess.Popen([t.unpaired, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, cwd=cwd)
    out, err = process.communicate(timeout=60)
    left = private_folders(process.pid)
    expect(not left, f"left behind: {left}")
    return harness.Result(process.returncode if process.returncode >= 0 else 128 - process.returncode, out, err)


def one_line(result, *words):
    """Trouble: status 2, nothing on stdout, one line on stderr that has all the words."""
    error = harness.text(result.stderr)
    shown = f"status {result.status}\n--- stdout\n{harness.text(result.stdout)}\n--- stderr\n{error}"
    expect(result.status == 2, f"not status 2: {shown}")
    expect(result.stdout == b"", f"something on stdout: {shown}")
    expect(error.endswith("\n") and error.count("\n") == 1, f"not one line: {shown}")
    expect(error.startswith("unpaired"), f"not ours: {shown}")
    for word in words:
        expect(word in error, f"no '{word}' in: {shown}")


started = []


def start(command, **options):
    """Starts with pipes, in a session of its own; the caller ends it through ended()."""
    started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    text=True, start_new_session=True, **options))
    return started[-1]


def end_what_a_failed_check_left():
    """The launcher and its program, by their session; a launcher killed outright leaves its folder."""
    while started:
        process = started.pop()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            for folder in private_folders(process.pid):
                shutil.rmtree(folder, ignore_errors=True)


def line_of(process, beginning):
    """The next line of its stdout, which must begin so; without it."""
    line = process.stdout.readline()
    expect(line.startswith(beginning), f"expected '{beginning}...', got {line!r}; stderr: "
           f"{process.stderr.read() if not line else ''}")
    return line[len(beginning):].strip()


def say(process, line):
    process.stdin.write(line + "\n")
    process.stdin.flush()


def ended(process, timeout=60):
    """Waits for it; its own process is killed if it does not end."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise Failed(f"no end after {timeout} s\n--- stdout\n{out}\n--- stderr\n{err}") from None
    return harness.Result(process.returncode if process.returncode >= 0 else 128 - process.returncode, out, err)


def blocks(page, language):
    """The fenced blocks of a language; a fence opens and closes in turn."""
    found, inside, text = [], None, ""
    for line in page.split("\n"):
        if not line.startswith("```"):
            text += line + "\n"
        elif inside is None:
            inside, text = line[3:], ""
        else:
            found += [text] if inside == language else []
            inside = None
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--unpaired", required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--source", required=True)
    arguments = parser.parse_args()
    run_checks(arguments, end_what_a_failed_check_left)
