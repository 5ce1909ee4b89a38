"""redis-server as a program under test: it listens at a Unix socket, and is told to shut down by itself."""
import contextlib
import os
import socket
import subprocess
import time

import harness
from harness import Failed

START_S = END_S = 60


@contextlib.contextmanager
def serving(folder, *, launcher=(), env=None):
    """redis-server behind the words of `launcher`; gives the path of its socket, once it listens there. It is shut down
    afterwards, and must end with status 0."""
    path = os.path.join(folder, "redis.sock")
    process = subprocess.Popen(
        [*launcher, harness.needed("redis-server"), "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no",
         "--dir", folder, "--daemonize", "no"],
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        wait_until_it_listens(path, process)
        yield path
        with connected(path) as last:
            last.sendall(b"shutdown nosave\r\n")
            output, _ = process.communicate(timeout=END_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise Failed(f"redis-server: status {process.returncode}\n{harness.text(output)}")


def wait_until_it_listens(path, process):
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connected(path).close()
            return
        except OSError:
            time.sleep(0.02)  # polls for what another process does; no order is built on the time
    raise Failed("redis-server does not listen")


def connected(path):
    client = socket.socket(socket.AF_UNIX)
    try:
        client.settimeout(60)
        client.connect(path)
    except OSError:
        client.close()
        raise
    return client


def ask(path, command, answer):
    """One command over a connection of its own, which is accepted and closed; the answer must begin with `answer`."""
    with connected(path) as client:
        client.sendall(command.encode() + b"\r\n")
        got = client.recv(1000)
    if not got.startswith(answer):
        raise Failed(f"redis: {command}: {got!r}")
