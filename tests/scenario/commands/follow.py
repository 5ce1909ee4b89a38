"""report --follow shows what grows in a recording that goes on: on a terminal, and as lines."""
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time

from recording import Recording
from script import check, expect, harness, main, one_line, tried

# Debian's python3-pyte, a terminal in memory; an interpreter of one's own does not look where Debian puts it
sys.path.append("/usr/lib/python3/dist-packages")
try:
    import pyte  # noqa: E402
except ImportError:
    sys.exit("BROKEN: python3-pyte is missing; scripts/setup installs what the tests need")

DEADLINE = 60  # seconds a check waits for what it expects


class Terminal:
    """A command on a pseudo-terminal, and what the terminal shows."""

    def __init__(self, command, columns=100, lines=24, **environment):
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.sent = b""
        self.master, self.slave = pty.openpty()
        self.resize(columns, lines)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            command, stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment})

    def resize(self, columns, lines):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            data = os.read(self.master, 65536)
            self.sent += data
            self.stream.feed(data)

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def wait_for(self, pattern):
        """Reads until the screen shows what matches; the screen then."""
        end = time.monotonic() + DEADLINE
        while not re.search(pattern, self.text()):
            expect(time.monotonic() < end, f"'{pattern}' did not come; the terminal shows:\n{self.text()}")
            expect(self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.text()}")
            self.read(0.2)
        return self.text()

    def press(self, keys):
        os.write(self.master, keys.encode())

    def end(self):
        """Waits for the command's end; its status as a shell has it."""
        end = time.monotonic() + DEADLINE
        while self.process.poll() is None:
            expect(time.monotonic() < end, f"it does not end; the terminal shows:\n{self.text()}")
            self.read(0.1)
        self.read(0)
        after = termios.tcgetattr(self.slave)
        expect(after[:6] == self.before[:6], "the terminal is not as it was")
        expect(b"\x1b[?1049l" in self.sent, "the screen that was there before is not back")
        return self.process.returncode if self.process.returncode >= 0 else 128 - self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


class followed:
    """A recording, and `report --follow` of it on a terminal; both are ended when the check is over."""

    def __init__(self, t, folder, *options, **terminal):
        self.recording = Recording(t, folder)
        self.command = [t.unpaired, "report", "--follow", str(self.recording.pid), "--interval=0.1", *options]
        self.terminal = Terminal(self.command, **terminal)

    def __enter__(self):
        return self.recording, self.terminal

    def __exit__(self, *_):
        self.terminal.close()


# a row of the table: 42 blocks of 32 bytes
ROW = r"malloc in acquire, program\.c:\d+ +{}\b"


@check
def the_table_shows_what_is_live_and_follows_its_growth(t, folder):
    with followed(t, folder) as (recording, terminal):
        terminal.wait_for("socket in obey")  # the first look, which growth is told from
        recording.acquire(40)
        terminal.wait_for(ROW.format(40))
        recording.acquire(2)
        shown = terminal.wait_for(ROW.format(42) + r" +1,344 B +\+42\b")
        expect(f"process {recording.pid})" in shown and "recording" in shown, shown)
        terminal.press("q")
        expect(terminal.end() == 0, "q does not end with 0")
        recording.finish()


@check
def keys_sort_filter_show_a_stack_and_help(t, folder):
    with followed(t, folder) as (recording, terminal):
        recording.acquire(3)
        terminal.wait_for(ROW.format(3))
        terminal.press("b")
        terminal.wait_for("; by bytes")
        terminal.press("/socket\r")
        shown = terminal.wait_for("only 'socket'")
        terminal.wait_for("socket in obey")
        expect("malloc" not in terminal.text(), f"the filter does not hold:\n{shown}")
        terminal.press("\r")
        terminal.wait_for(r"-> obey.* \S+program\.c:\d+")
        terminal.press("\x1b")
        terminal.press("?")
        terminal.wait_for("begin a cycle, as unpaired ctl")
        terminal.press("x/\x1b")
        terminal.wait_for(ROW.format(3))
        terminal.press("q")
        terminal.end()
        recording.finish()


@check
def m_begins_a_cycle_and_growth_is_told_for_each(t, folder):
    with followed(t, folder) as (recording, terminal):
        terminal.wait_for("socket in obey")
        for _ in range(2):
            terminal.press("m")
            terminal.wait_for("cycle [0-9]+ begun: mark")
            recording.acquire(5)
        terminal.wait_for(r"per cycle(.|\n)*" + ROW.format(10) + r".*\+5\.0")
        terminal.press("q")
        terminal.end()
        expect(recording.finish()["trace"]["cycles"] == 2, "the report does not know the two cycles")


@check
def s_takes_a_snapshot_that_the_report_then_has(t, folder):
    with followed(t, folder) as (recording, terminal):
        terminal.wait_for("socket in obey")
        recording.acquire(30)
        terminal.wait_for("s: snapshot")
        terminal.press("s")
        terminal.wait_for(r"snapshot: 30 blocks lost \(960 B\)")
        terminal.press("q")
        terminal.end()
        recording.finish()


@check
def the_end_of_the_program_is_said_and_the_table_stays_until_q(t, folder):
    with followed(t, folder) as (recording, terminal):
        recording.acquire(4)
        terminal.wait_for(ROW.format(4))
        recording.finish()
        shown = terminal.wait_for("the program has ended")
        expect(re.search(ROW.format(4), shown), shown)
        terminal.press("q")
        expect(terminal.end() == 0, "q does not end with 0")


@check
def a_signal_ends_it_and_the_terminal_is_as_it_was(t, folder):
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        place = os.path.join(folder, str(signal_number))
        os.mkdir(place)
        with followed(t, place) as (recording, terminal):
            terminal.wait_for("socket in obey")
            if signal_number == signal.SIGINT:
                terminal.press("\x03")
            else:
                terminal.process.terminate()
            expect(terminal.end() == 128 + signal_number, f"not the signal's status: {terminal.process.returncode}")
            recording.finish()


@check
def a_window_that_changes_is_drawn_anew(t, folder):
    with followed(t, folder, columns=120, lines=40) as (recording, terminal):
        recording.acquire(4)
        terminal.wait_for(ROW.format(4))
        terminal.resize(44, 8)
        os.kill(terminal.process.pid, signal.SIGWINCH)
        terminal.wait_for(r"malloc in acqu.*\n(.*\n)*q: quit")
        terminal.press("q")
        terminal.end()
        recording.finish()


@check
def ctrl_z_gives_the_terminal_back_and_fg_draws_again(t, folder):
    with followed(t, folder) as (recording, terminal):
        terminal.wait_for("socket in obey")
        # nobody's job, so the stop is asked for as a shell's user would have it
        os.kill(terminal.process.pid, signal.SIGTSTP)
        end = time.monotonic() + DEADLINE
        while b"\x1b[?1049l" not in terminal.sent:
            expect(time.monotonic() < end, "the terminal is not given back")
            terminal.read(0.1)
        terminal.sent = b""
        os.kill(terminal.process.pid, signal.SIGCONT)
        recording.acquire(4)
        terminal.wait_for(ROW.format(4))
        terminal.press("q")
        terminal.end()
        recording.finish()


@check
def without_unicode_and_colour_it_draws_neither(t, folder):
    with followed(t, folder, LC_ALL="C", NO_COLOR="1") as (recording, terminal):
        recording.acquire(4)
        terminal.wait_for(ROW.format(4))
        recording.acquire(4)
        terminal.wait_for(ROW.format(8))
        terminal.press("q")
        terminal.end()
        expect(all(byte < 0x80 for byte in terminal.sent), "something that is not ASCII")
        expect(not re.search(rb"\x1b\[[0-9;]*3[0-9]m", terminal.sent), "a colour")
        recording.finish()


@check
def into_a_pipe_it_writes_a_table_for_each_look_until_the_program_ends(t, folder):
    recording = Recording(t, folder)
    recording.acquire(6)
    process = subprocess.Popen([t.unpaired, "report", "--follow", str(recording.pid), "--interval=0.1"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = process.stdout.readline()
    expect(f"process {recording.pid}) recording" in first, first)
    recording.acquire(3)
    recording.finish()
    out, err = process.communicate(timeout=DEADLINE)
    last = out[out.rindex("(process"):]
    expect(process.returncode == 0 and err == "", f"{process.returncode} {err}")
    expect(" ended, " in last.splitlines()[0], last)
    expect(re.search(ROW.format(9) + r" +288 B", last), last)


@check
def so_many_looks_as_were_asked_for(t, folder):
    recording = Recording(t, folder)
    result = harness.run([t.unpaired, "report", "--follow", recording.live_trace(), "--interval=0.1",
                          "--count=3"])
    expect(result.status == 0 and result.stderr == b"", f"{result.status} {result.stderr}")
    expect(harness.text(result.stdout).count("recording, followed for") == 3, harness.text(result.stdout))
    recording.finish()


@check
def the_stream_of_a_firmware_is_followed_while_it_is_saved(t, folder):
    golden = os.path.join(t.source, "tests", "golden", "stream-v1.")
    with open(golden + "stream", "rb") as file:
        stream = file.read()
    saved = os.path.join(folder, "uart.bin")
    with open(saved, "wb") as file:
        file.write(stream[:len(stream) * 3 // 4])
    process = subprocess.Popen([t.unpaired, "report", "--follow", saved, "--elf", golden + "elf", "--interval=0.1",
                                "--count=20"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = process.stdout.readline()
    with open(saved, "ab") as file:
        file.write(stream[len(stream) * 3 // 4:])
    out, err = process.communicate(timeout=DEADLINE)
    expect(process.returncode == 0 and err == "", f"{process.returncode} {err}")
    lives = [int(live) for live in re.findall(r": (\d+) live", first + out)]
    expect(len(lives) == 20 and lives[-1] > lives[0], f"no growth: {lives}\n{out[-2000:]}")


@check
def an_unknown_terminal_gets_lines(t, folder):
    recording = Recording(t, folder)
    master, slave = pty.openpty()
    process = subprocess.Popen([t.unpaired, "report", "--follow", recording.live_trace(), "--count=1"], stdin=slave,
                               stdout=slave, stderr=slave, env={**os.environ, "TERM": "no-such-terminal"})
    process.wait(timeout=DEADLINE)
    out = os.read(master, 65536)
    os.close(master)
    os.close(slave)
    expect(process.returncode == 0 and b"followed for" in out and b"\x1b" not in out, f"{process.returncode} {out}")
    recording.finish()


@check
def what_cannot_be_followed_is_said_in_one_line(t, folder):
    recording = Recording(t, folder)
    recording.finish()
    one_line(tried(t, "report", "--follow", recording.trace), "nobody records into", "unpaired report")
    one_line(tried(t, "report", "--follow", str(recording.pid)), "there is no process")
    one_line(tried(t, "report", "--follow", os.path.join(folder, "none.trace")), "none.trace")
    one_line(tried(t, "report", "--follow", t.program), "is not a trace")
    one_line(tried(t, "report", "--follow", "--format=json", recording.trace), "--format")
    one_line(tried(t, "report", "--interval=2", recording.trace), "--follow")
    shutil.copy(recording.trace, os.path.join(folder, "copy.trace"))
    one_line(tried(t, "report", "--follow", os.path.join(folder, "copy.trace")), "nobody records into")


main()
