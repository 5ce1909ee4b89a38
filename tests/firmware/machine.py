"""A machine in QEMU: start it, hear it, take its RAM, end it. Standard library only; no ports, one unix socket."""
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario"))
from harness import Broken, Failed, run, text  # noqa: E402

# board -> (QEMU's command, where its RAM begins, how much of it there is)
BOARDS = {
    "cortex-m3": (["qemu-system-arm", "-M", "mps2-an385"], 0x20000000, 0x400000),
    "linux": (None, 0, 0),  # the machine we are on
    "riscv": (["qemu-system-riscv32", "-M", "virt", "-bios", "none", "-m", "4M"], 0x80000000, 0x400000),
}
DIED = "DIED"


class Run:
    """What a machine left: exit status (None if it died), console lines, paths of its UART's bytes and its RAM."""

    def __init__(self, status, console, uart, ram):
        self.status, self.console, self.uart, self.ram = status, console, uart, ram


def run_machine(board, elf, folder, *, counted=False, timeout=60):
    """Runs `elf` until it exits, or until it says DIED: then it is stopped and its RAM saved as ram.bin.

    `counted`: its clock counts instructions (-icount shift=0), so that figures are the same in every run.
    """
    command, ram_base, ram_size = BOARDS[board]
    uart, ram = os.path.join(folder, "uart.bin"), os.path.join(folder, "ram.bin")
    for old in (uart, ram):
        if os.path.exists(old):
            os.remove(old)
    if command is None:
        result = run([elf], env={**os.environ, "UNPAIRED_OUTPUT": uart}, cwd=folder, timeout=timeout)
        return Run(result.status, text(result.stdout + result.stderr).split("\n"), uart, None)
    with tempfile.TemporaryDirectory(prefix="unpaired-qemu-") as private:  # a unix socket's path must be short
        control = os.path.join(private, "qmp")
        command = [*command, "-nographic", "-monitor", "none", "-serial", f"file:{uart}",
                   "-semihosting-config", "enable=on,target=native", "-qmp", f"unix:{control},server=on,wait=off",
                   *(["-icount", "shift=0"] if counted else []), "-kernel", elf]
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, cwd=folder, start_new_session=True)
        except FileNotFoundError:
            raise Broken(f"{command[0]} is missing; scripts/setup installs what the tests need") from None
        try:
            console, died = listen(process, time.monotonic() + timeout)
            if died:
                save_ram(control, ram_base, ram_size, ram, timeout)
                return Run(None, console, uart, ram)
            return Run(process.wait(timeout), console, uart, None)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            process.stdout.close()


def listen(process, deadline):
    """Reads the console to its end or to the line DIED. Returns (lines, whether it died)."""
    data = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise Failed(f"the machine did not come to an end in time; its console:\n{text(data)}")
            part = os.read(process.stdout.fileno(), 65536)
            data += part
            lines = data.decode("utf-8", "replace").split("\n")
            if DIED in lines[:-1] or not part:
                return lines, DIED in lines[:-1]


def save_ram(control, base, size, path, timeout):
    """Stops the machine through QMP and writes its RAM to `path`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        connection.connect(control)
        answers = connection.makefile("rb")

        def ask(name, **arguments):
            connection.sendall(json.dumps({"execute": name, "arguments": arguments}).encode())
            for line in answers:
                answer = json.loads(line)
                if "error" in answer:
                    raise Failed(f"QMP {name}: {answer['error'].get('desc')}")
                if "return" in answer:
                    return
            raise Failed(f"QMP {name}: the machine has gone")

        answers.readline()  # its greeting
        ask("qmp_capabilities")
        ask("stop")
        ask("pmemsave", val=base, size=size, filename=path)
