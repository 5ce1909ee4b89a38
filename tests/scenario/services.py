"""Servers that a scenario's program talks to: on loopback, each on a free port, ended by its own process id."""
import contextlib
import os
import socket
import subprocess
import tempfile
import time

from harness import Broken, needed

START_S = 30
TRIES = 5


def free_port():
    """A port that was free a moment ago: whoever starts a server on it tries again if somebody was faster."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end(process):
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def start_mosquitto(program, folder):
    """The broker's process and its port; None if it ended at once, as when its port was taken."""
    port = free_port()
    configuration = os.path.join(folder, "mosquitto.conf")
    with open(configuration, "w", encoding="utf-8") as file:
        # without `user root`, a broker started by root becomes the user mosquitto, who may not read the folder
        file.write(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n"
                   "log_dest stderr\n")
    log = os.path.join(folder, "mosquitto.log")
    with open(log, "wb") as file:
        process = subprocess.Popen([program, "-c", configuration], stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        if answers(port):
            return process, port
        time.sleep(0.02)  # polls for what another process does; no order is built on the time
    end(process)
    return None


@contextlib.contextmanager
def mosquitto():
    """An MQTT broker with an empty state; gives its port."""
    program = needed("mosquitto")
    with tempfile.TemporaryDirectory(prefix="unpaired-test-") as folder:
        for _ in range(TRIES):
            started = start_mosquitto(program, folder)
            if started:
                break
        else:
            with open(os.path.join(folder, "mosquitto.log"), encoding="utf-8", errors="replace") as file:
                raise Broken(f"mosquitto does not start:\n{file.read()}")
        try:
            yield started[1]
        finally:
            end(started[0])


@contextlib.contextmanager
def nothing():
    yield 0


SERVICES = {"": nothing, "mosquitto": mosquitto}


def serve(name):
    """The service a scenario's `service:` names, as a context that gives its port."""
    if name not in SERVICES:
        raise Broken(f"no service {name!r}; there are: {' '.join(filter(None, SERVICES))}")
    return SERVICES[name]()
