"""The launcher is invisible to the program and to its caller, and no signal prevents a report."""
import argparse
import ctypes
import fcntl
import os
import re
import resource
import select
import signal
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir, "scenario"))
import harness  # noqa: E402
from checks import check, expect, run_checks  # noqa: E402

LIBC = ctypes.CDLL(None, use_errno=True)
PATIENCE = 60
# All signals that a program can block or catch, except those that stop or continue it.
ORDINARY = [s for s in range(1, signal.SIGRTMAX)
            if s not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP, signal.SIGCONT, signal.SIGUSR2, 32, 33)]
LAST = signal.SIGRTMAX  # the kernel delivers it last of several pending ones
started = []


class Run:
    """A launched program. It is in a session and a process group of its own."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, start_new_session=True, **options)
        started.append(self.process)
        self.pid = self.process.pid
        self.program = None
        self.read = b""

    def line(self):
        stdout = self.process.stdout.fileno()
        while b"\n" not in self.read:
            ready, _, _ = select.select([stdout], [], [], PATIENCE)
            expect(ready, "the program says nothing")
            more = os.read(stdout, 4096)
            expect(more, "the program ended")
            self.read += more
        line, _, self.read = self.read.partition(b"\n")
        return line.decode().split()

    def ready(self):
        words = self.line()
        expect(words[0] == "ready", f"not ready: {words}")
        self.program = int(words[1])
        return self

    def got(self):
        """Returns number, code and value of the signal that the program receives next."""
        words = self.line()
        expect(words[0] == "got", f"no signal: {words}")
        return tuple(map(int, words[1:]))

    def taken(self):
        """Returns the numbers of the signals that the program receives before LAST, which is sent to the launcher."""
        os.kill(self.pid, LAST)
        numbers = []
        while True:
            number, _, _ = self.got()
            if number == LAST:
                return numbers
            numbers.append(number)

    def end(self):
        try:
            out, err = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise harness.Failed("the launcher does not end") from None
        return self.process.returncode, (self.read + out).decode(), err.decode()

    def end_by_usr2(self):
        """Ends the program, which must leave its report."""
        os.kill(self.pid, signal.SIGUSR2)
        status, out, err = self.end()
        expect(status == 6, f"status {status}: {err}")
        expect(has_report(err), f"no report: {err!r}")
        return out


def clean_up():
    while started:
        process = started.pop()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def run(t, *arguments, options=(), **more):
    return Run([t.unpaired, "run", *options, "--", t.program, *arguments], **more)


def sigqueue(pid, number, value):
    expect(LIBC.sigqueue(pid, number, ctypes.c_void_p(value)) == 0, f"sigqueue {number}")


def has_report(text):
    """Returns true for the text report of a recorded program."""
    return re.search(r"\(process \d+, ", text) is not None


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


@check
def each_signal_to_the_launchers_pid_reaches_the_program_once(t, folder):
    running = run(t, "signals").ready()
    for number in [*ORDINARY, signal.SIGCONT]:
        os.kill(running.pid, number)
        taken = running.taken()
        expect(taken == [number], f"signal {number}: {taken}")
    running.end_by_usr2()


@check
def a_signal_to_the_group_reaches_the_program_once(t, folder):
    running = run(t, "signals").ready()
    for number in [*ORDINARY, signal.SIGCONT]:
        os.killpg(running.pid, number)
        taken = running.taken()
        expect(taken == [number], f"signal {number} to the group: {taken}")
    running.end_by_usr2()


@check
def a_signal_to_the_pid_and_then_to_the_group_reaches_it_at_most_twice(t, folder):
    running = run(t, "signals").ready()
    for turn in range(200):
        os.kill(running.pid, signal.SIGTERM)
        os.killpg(running.pid, signal.SIGTERM)
        taken = running.taken()
        expect(taken in ([signal.SIGTERM], [signal.SIGTERM] * 2), f"turn {turn}: {taken}")
    for turn in range(200):  # a signal to the group must not swallow the next one
        os.killpg(running.pid, signal.SIGTERM)
        os.killpg(running.pid, signal.SIGTERM)
        first = running.taken()
        os.kill(running.pid, signal.SIGTERM)
        second = running.taken()
        # The launcher may take the second for one to its pid alone if the witness takes both as one.
        expect(1 <= len(first) <= 3 and second == [signal.SIGTERM], f"turn {turn}: {first}, then {second}")
    running.end_by_usr2()


@check
def real_time_signals_keep_their_number_order_and_value(t, folder):
    running = run(t, "signals").ready()
    for value in range(50):
        sigqueue(running.pid, signal.SIGRTMIN + 4, 1000 + value)
    for value in range(50):
        taken = running.got()
        expect(taken == (signal.SIGRTMIN + 4, -1, 1000 + value), f"{value}: {taken}")
    running.end_by_usr2()


@check
def timeout_loses_no_report_in_42_runs(t, folder):
    reports = 0
    for _ in range(6):
        batch = [Run(["timeout", "2", t.unpaired, "run", "--", t.program, "wait"]) for _ in range(7)]
        for one in batch:
            status, out, err = one.end()
            expect(status == 124, f"status {status}: {err}")
            expect("ready" in out, "the program did not run")
            reports += "killed by SIGTERM" in err and has_report(err)
    expect(reports == 42, f"{reports} reports of 42")


@check
def bursts_of_signals_lose_no_report(t, folder):
    running = run(t, "wait").ready()
    for _ in range(200):
        try:
            os.kill(running.pid, signal.SIGTERM)
            os.killpg(running.pid, signal.SIGTERM)
        except ProcessLookupError:
            break
    status, _, err = running.end()
    expect(status == -signal.SIGTERM and "killed by SIGTERM" in err and has_report(err), f"{status} {err}")


@check
def signals_before_the_program_starts_lose_no_report(t, folder):
    for turn in range(40):
        running = run(t, "wait")
        while not any(gone_or_named(child, "signal-witness") for child in children(running.pid)):
            expect(running.process.poll() is None, "the launcher ended")
        os.kill(running.pid, signal.SIGTERM)
        os.kill(running.pid, signal.SIGHUP)
        status, _, err = running.end()
        expect(status in (-signal.SIGTERM, -signal.SIGHUP) and
               (has_report(err) or "Nothing was recorded" in err), f"turn {turn}: {status} {err}")


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def gone_or_named(pid, name):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            return file.read().strip() == name
    except OSError:
        return False


@check
def signals_while_the_report_is_written_lose_nothing(t, folder):
    pipe = os.path.join(folder, "report")
    os.mkfifo(pipe)
    running = run(t, "signals", options=["--output", f"json:{pipe}"]).ready()
    os.kill(running.pid, signal.SIGUSR2)
    while not gone(running.program):  # the launcher then opens the pipe, which has no reader
        pass
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGALRM, signal.SIGUSR1) * 5:
        os.kill(running.pid, number)
        os.killpg(running.pid, number)
    with open(pipe, encoding="utf-8") as report:
        expect('"schema"' in report.read(), "no report")
    status, _, err = running.end()
    expect(status == 6, f"status {status}: {err}")


@check
def a_launcher_killed_outright_kills_the_program_and_the_report_is_written(t, folder):
    for send in (os.kill, os.killpg):
        running = run(t, "wait").ready()
        send(running.pid, signal.SIGKILL)
        status, _, err = running.end()
        expect(status == -signal.SIGKILL, f"status {status}")
        expect("killed by SIGKILL" in err and has_report(err), f"{send.__name__}: no report: {err}")
        expect(gone(running.program), "the program runs on")


@check
def record_stores_the_trace_when_the_launcher_is_killed_outright(t, folder):
    trace = os.path.join(folder, "the.trace")
    running = Run([t.unpaired, "record", "-o", trace, "--", t.program, "wait"]).ready()
    os.kill(running.pid, signal.SIGKILL)
    running.end()
    result = harness.run([t.unpaired, "report", trace])
    expect(b"killed by SIGKILL" in result.stdout and has_report(harness.text(result.stdout)),
           f"{result.status} {result.stdout} {result.stderr}")


@check
def the_caller_sees_the_programs_own_death(t, folder):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSEGV, signal.SIGABRT, signal.SIGUSR1):
        running = run(t, "wait").ready()
        os.kill(running.program, number)
        status, _, err = running.end()
        expect(status == -number and has_report(err), f"{number.name}: {status} {err}")


@check
def the_launcher_stops_and_goes_on_with_the_program(t, folder):
    for send in (os.kill, os.killpg):
        running = run(t, "stop")
        _, status = os.waitpid(running.pid, os.WUNTRACED)
        expect(os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGSTOP, f"not stopped: {status}")
        send(running.pid, signal.SIGCONT)
        status, out, err = running.end()
        expect(status == 7 and out == "continued\n" and has_report(err), f"{status} {out} {err}")


@check
def stop_and_continue_of_the_group_leave_both_running(t, folder):
    running = run(t, "signals").ready()
    for _ in range(100):
        os.killpg(running.pid, signal.SIGSTOP)
        os.killpg(running.pid, signal.SIGCONT)
        taken = running.taken()
        expect(taken.count(signal.SIGCONT) <= 1 and len(taken) <= 1, f"{taken}")
    running.end_by_usr2()


@check
def a_signal_to_the_parent_reaches_the_launchers_parent(t, folder):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        running = run(t, "parent")
        status, _, err = running.end()
        expect(status == 8, f"status {status}: {err}")
        expect(signal.sigtimedwait({signal.SIGUSR1}, 0), "the signal did not arrive")
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})


@check
def what_exec_keeps_is_kept(t, folder):
    def unusual():
        for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 1000)
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 300))
        os.nice(3)
        os.umask(0o037)
    alone = harness.run([t.program, "kept"], prepare=unusual)
    under = harness.run([t.unpaired, "run", "--", t.program, "kept"], prepare=unusual)
    expect(under.stdout == alone.stdout and b"runs" in alone.stdout,
           f"{harness.text(under.stdout)} alone {harness.text(alone.stdout)}")


@check
def an_alarm_set_before_the_launcher_is_the_programs(t, folder):
    running = run(t, "wait", preexec_fn=lambda: signal.setitimer(signal.ITIMER_REAL, 1.5))
    status, _, err = running.end()
    expect(status == -signal.SIGALRM and "killed by SIGALRM" in err, f"{status} {err}")


@check
def a_pipe_that_the_program_closes_is_closed(t, folder):
    ours, theirs = os.pipe()

    def give():
        os.dup2(theirs, 7)
    running = run(t, "stdout", preexec_fn=give, pass_fds=(7,))
    os.close(theirs)
    for name, descriptor in (("stdout", running.process.stdout.fileno()), ("an inherited pipe", ours)):
        ready, _, _ = select.select([descriptor], [], [], 30)
        expect(ready and os.read(descriptor, 1) == b"", f"{name} stays open while the program runs")
    os.close(ours)
    expect(running.process.poll() is None, "the program has ended")
    _, err = running.process.communicate(b"end\n", timeout=PATIENCE)
    expect(running.process.returncode == 0 and has_report(err.decode()), f"{running.process.returncode} {err}")


@check
def stdout_is_the_programs_alone(t, folder):
    result = harness.run([t.unpaired, "run", "--", t.program, "say", '{"a":1}'])
    expect(result.stdout == b'{"a":1}\n', f"{result.stdout}")
    expect(has_report(harness.text(result.stderr)), f"{result.stderr}")
    result = harness.run([t.unpaired, "run", "--output", "json:-", "--", t.program, "say", "words"])
    expect(result.stdout.startswith(b"words\n") and result.stdout.count(b"\n") > 1, f"{result.stdout}")
    expect(result.stderr == b"", f"{result.stderr}")
    result = harness.run([t.unpaired, "run", "--format=json", "--", t.program, "say", "words"])
    expect(result.stdout == b"words\n" and b'"schema"' in result.stderr, f"{result.stdout} {result.stderr}")


@check
def a_removed_working_folder_loses_nothing(t, folder):
    place = os.path.join(folder, "place")
    os.mkdir(place)
    report = os.path.join(folder, "report.sarif")
    running = run(t, "signals", cwd=place,
                  options=["--output", f"sarif:{report}", "--output", "text:/dev/stderr"]).ready()
    os.rmdir(place)
    running.end_by_usr2()
    with open(report, encoding="utf-8") as file:
        expect("2.1.0" in file.read(), "no SARIF report")


@check
def a_missing_proc_loses_nothing(t, folder):
    hidden = ["unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$0" "$@"']
    result = harness.run([*hidden, t.unpaired, "run", "--", t.program, "say", "words"])
    expect(result.status == 0 and result.stdout == b"words\n", f"{result.status} {result.stderr}")
    expect(has_report(harness.text(result.stderr)), f"no report: {result.stderr}")


# ---- terminals ------------------------------------------------------------------------------------------

class Terminal:
    """A pseudo-terminal with a process as its session's leader."""

    def __init__(self, command):
        self.master, terminal = os.openpty()
        self.seen = ""
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(terminal, fd)
            os.closerange(3, 64)
            os.execv(command[0], command)
        os.close(terminal)

    def wait_for(self, text):
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            expect(ready, f"no {text!r} in {self.seen!r}")
            try:
                self.seen += os.read(self.master, 65536).decode("utf-8", "replace")
            except OSError:
                raise harness.Failed(f"the terminal closed before {text!r}: {self.seen!r}") from None
        before, _, self.seen = self.seen.partition(text)
        return before

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


@check
def ctrl_c_ctrl_backslash_ctrl_z_and_fg_work_in_a_shell(t, folder):
    shell = Terminal(["/bin/bash", "--norc", "--noprofile", "-i"])
    shell.type("PS1='$ '; stty -echo; set +o history; echo begin''ning\n")
    shell.wait_for("beginning")
    command = f"{t.unpaired} run --output text:{folder}/report -- {t.program} signals; echo status $?.\n"
    shell.type(command)
    shell.wait_for("ready")
    shell.type("\x03")
    shell.wait_for("got 2 ")
    shell.type("\x1c")
    between = shell.wait_for("got 3 ")
    expect("got" not in between, f"more than one INT: {between!r}")
    shell.type("\x1a")
    shell.wait_for("Stopped")
    shell.wait_for("$ ")
    shell.type("echo other; fg\n")
    shell.wait_for("other")
    shell.wait_for("got 18 ")
    shell.type("\x03")
    between = shell.wait_for("got 2 ")
    expect("got" not in between, f"more than one CONT: {between!r}")
    shell.type("\x1a")
    shell.wait_for("Stopped")
    shell.type("bg\n")
    shell.wait_for("got 18 ")
    shell.type("kill -USR2 %%; wait; echo all''done; exit\n")
    between = shell.wait_for("alldone")
    expect(between.count("got") == 1, f"USR2 to the job: {between!r}")
    shell.end()
    with open(os.path.join(folder, "report"), encoding="utf-8") as file:
        expect(has_report(file.read()), "no report")


@check
def a_shell_script_ends_with_a_program_that_ctrl_c_kills(t, folder):
    shell = Terminal(["/bin/bash", "--norc", "--noprofile", "-c",
                      f"{t.unpaired} run -- {t.program} wait; echo goes on"])
    shell.wait_for("ready")
    shell.type("\x03")
    shell.wait_for("killed by SIGINT")
    status = shell.end()
    expect(status == -signal.SIGINT, f"status {status}")


@check
def a_hang_up_reaches_the_program_and_the_report_is_written(t, folder):
    report = os.path.join(folder, "report")
    terminal = Terminal([t.unpaired, "run", "--output", f"text:{report}", "--", t.program, "wait"])
    terminal.wait_for("ready")
    os.close(terminal.master)
    status = terminal.end()
    expect(status == -signal.SIGHUP, f"status {status}")
    with open(report, encoding="utf-8") as file:
        text = file.read()
    expect("killed by SIGHUP" in text and has_report(text), text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--unpaired", required=True)
    parser.add_argument("--preload")
    parser.add_argument("--program", required=True)
    run_checks(parser.parse_args(), clean_up)


main()
