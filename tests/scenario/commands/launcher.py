"""The launcher's conduct: the program runs as it would without it."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios

from script import check, ended, expect, harness, line_of, main, private_folders, start, tried


def state(result):
    parted = (line.replace("\t", " ").partition(" ") for line in harness.text(result.stdout).splitlines())
    return {key: value for key, _, value in parted}


def both(t, *arguments, **options):
    """What the program says without and with the launcher."""
    alone = harness.run([t.program, *arguments], **options)
    under = harness.run([t.unpaired, "run", "--output", "text:/dev/null", "--", t.program, *arguments], **options)
    return alone, under


@check
def the_exit_status_is_the_programs_own(t, folder):
    for status in (0, 1, 2, 77, 255):
        for findings in ("status", "leak"):
            arguments = (findings, str(status)) if findings == "status" else (findings, "3", str(status))
            alone, under = both(t, *arguments)
            expect(under.status == alone.status == status, f"{arguments}: {under.status}, alone {alone.status}")


@check
def an_error_exitcode_is_given_for_findings_alone(t, folder):
    def status(*arguments):
        return harness.run([t.unpaired, "run", "--error-exitcode=99", *arguments]).status
    expect(status("--", t.program, "leak", "3", "4") == 99, "not 99 for three sockets")
    expect(status("--", t.program, "status", "4") == 4, "not its own without findings")
    expect(status("--fail-on=leak", "--", t.program, "leak", "3", "4") == 4, "suspects counted with --fail-on=leak")


@check
def signals_that_kill_it_give_128_and_a_report(t, folder):
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGABRT, signal.SIGINT, signal.SIGSEGV):
        result = harness.run_unpaired(t.unpaired, [t.program, "raise", str(int(number))])
        expect(result.status == 128 + number, f"{number.name}: status {result.status}")
        image = result.report["images"][0]
        expect(image["trace"]["end"] == f"signal:{int(number)}", f"{number.name}: end {image['trace']['end']}")
        expect(image["totals"]["socket"]["unpaired"] == 2, f"{number.name}: {image['totals']}")


@check
def signals_sent_to_the_launcher_reach_the_program(t, folder):
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGINT,
                   signal.SIGQUIT):
        process = start([t.unpaired, "run", "--output", "text:/dev/null", "--", t.program, "wait"])
        line_of(process, "ready ")
        process.send_signal(number)
        result = ended(process)
        expect(result.stdout == f"got {int(number)}\n", f"{number.name}: {result.stdout!r} {result.stderr!r}")
        expect(result.status == 5, f"{number.name}: status {result.status}")


@check
def dispositions_mask_group_and_descriptors_are_as_without(t, folder):
    def ordinary():
        pass

    def unusual():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGTERM})

    for prepare in (ordinary, unusual):
        alone, under = both(t, "state", "-x", "--", "--format", prepare=prepare)
        a, u = state(alone), state(under)
        for key in ("SigBlk:", "SigIgn:", "SigCgt:", "descriptors", "arguments"):
            expect(a[key] == u[key], f"{prepare.__name__} {key} {u[key]!r}, alone {a[key]!r}")
        expect(u["group"] == "same", f"process group {u['group']}: the terminal's signals would not reach it")


@check
def closed_standard_descriptors_stay_closed(t, folder):
    def without_stdin():
        os.close(0)
    alone, under = both(t, "state", prepare=without_stdin)
    expect(state(alone)["descriptors"] == state(under)["descriptors"],
           f"{state(under)['descriptors']!r}, alone {state(alone)['descriptors']!r}")


@check
def other_preloaded_libraries_stay_and_an_outer_recorder_goes(t, folder):
    env = dict(os.environ, LD_PRELOAD="libm.so.6")
    result = harness.run([t.unpaired, "run", "--output", "text:/dev/null", "--", t.unpaired, "run", "--output",
                          "text:/dev/null", "--", t.program, "state"], env=env)
    preload = state(result)["preload"]
    expect(preload.count("libunpaired_preload.so") == 1 and preload.endswith(":libm.so.6"), f"{preload!r}")


@check
def the_private_folder_is_gone_whatever_happens(t, folder):
    for arguments in (("status", "0"), ("leak", "3"), ("raise", "9")):
        tried(t, "run", "--", t.program, *arguments)
    process = start([t.unpaired, "run", "--", t.program, "wait"])
    line_of(process, "ready ")
    during = private_folders(process.pid)
    expect(len(during) == 1, f"while it runs: {during}")
    expect(os.stat(next(iter(during))).st_mode & 0o777 == 0o700, "others may look into it")
    process.terminate()
    ended(process)
    expect(not private_folders(process.pid), f"left: {private_folders(process.pid)}")


@check
def a_full_standard_error_is_trouble_and_leaves_nothing(t, folder):
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen([t.unpaired, "run", "--", t.program, "status", "0"], stdout=subprocess.PIPE,
                                   stderr=full)
        process.communicate(timeout=60)
    expect(process.returncode == 2, f"{process.returncode}")
    expect(not private_folders(process.pid), "traces that no message names")


@check
def what_runs_on_without_us_is_named(t, folder):
    process = start([t.unpaired, "run", "--format=json", "--", t.program, "obey"])
    line_of(process, "ready ")
    process.stdin.write("child\n")
    process.stdin.flush()
    child = int(line_of(process, "child "))
    try:
        # The child keeps the pipe of stderr open: read what the launcher writes, to the end of the object.
        import json
        text, decoder, report = "", json.JSONDecoder(), None
        while report is None:
            chunk = process.stderr.readline()
            expect(chunk, f"no report: {text}")
            text += chunk
            try:
                report, _ = decoder.raw_decode(text)
            except ValueError:
                continue
        ends = {image["trace"]["pid"]: image["trace"]["end"] for image in report["images"]}
        expect(ends.get(child) == "running", f"ends {ends}, child {child}")
    finally:
        os.kill(child, signal.SIGKILL)
    ended(process)


@check
def nothing_recorded_is_said_plainly(t, folder):
    # env is recorded, what it starts with an empty environment is not
    result = harness.run([t.unpaired, "run", "--", "env", "-i", t.program, "leak", "3", "4"])
    expect(result.status == 4 and b"not recorded" in result.stderr, f"{result.status} {harness.text(result.stderr)}")
    # and here the recorder may not make a file
    result = harness.run(["bash", "-c", 'ulimit -f 0; exec "$0" run -- "$1" leak 3 4', t.unpaired, t.program])
    expect(result.status == 4 and b"left no trace" in result.stderr, f"{result.status} {harness.text(result.stderr)}")


@check
def an_owner_rule_reaches_the_recorder_and_the_report(t, folder):
    result = harness.run_unpaired(t.unpaired, [t.program, "leak", "3"], options=["--owner", "leak_sockets=SOCK"])
    owners = {f["owner"] for f in harness.all_counted(result.report)}
    expect(owners == {"SOCK"}, f"owners {owners}")


@check
def a_path_with_blanks_and_colons_can_hold_everything(t, folder):
    place = os.path.join(folder, "a b:c")
    os.makedirs(os.path.join(place, "bin"))
    os.makedirs(os.path.join(place, "lib"))
    import shutil
    shutil.copy(t.unpaired, os.path.join(place, "bin"))
    library = os.path.join(os.path.dirname(os.path.dirname(t.unpaired)), "lib", "libunpaired_preload.so")
    shutil.copy(library, os.path.join(place, "lib"))
    program = os.path.join(place, "a program")
    shutil.copy(t.program, program)
    result = harness.run_unpaired(os.path.join(place, "bin", "unpaired"), [program, "leak", "3", "6"])
    expect(result.status == 6, f"status {result.status}: {harness.text(result.stderr)}")
    expect(result.report["images"][0]["totals"]["socket"]["unpaired"] == 3, f"{result.report['images']}")


@check
def on_a_terminal_the_program_is_in_the_foreground_and_gets_ctrl_c(t, folder):
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 72, 0, 0))
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(child, termios.TIOCSCTTY, 0)
        for fd in (0, 1, 2):
            os.dup2(child, fd)
        os.closerange(3, 64)
        os.execv(t.unpaired, [t.unpaired, "run", "--", t.program, "wait"])
    os.close(child)
    seen = b""

    def read():
        ready, _, _ = select.select([parent], [], [], 60)
        if not ready:
            return b""
        try:
            return os.read(parent, 65536)
        except OSError:  # its last descriptor closed
            return b""

    while b"ready" not in seen:
        chunk = read()
        expect(chunk, f"no start: {seen!r}")
        seen += chunk
    os.write(parent, b"\x03")
    while chunk := read():
        seen += chunk
    _, status = os.waitpid(pid, 0)
    text = seen.decode()
    expect(f"got {int(signal.SIGINT)}" in text, f"Ctrl-C did not arrive: {text}")
    expect(os.waitstatus_to_exitcode(status) == 5, f"status {status}: {text}")
    expect("\x1b[" in text, "no colours on a terminal")
    widths = [len(line) for line in __import__("re").sub("\x1b\\[[0-9;]*m", "", text).splitlines()]
    expect(max(widths) <= 72, f"lines of {max(widths)} columns on a terminal of 72")


sys.setrecursionlimit(10000)
main()
