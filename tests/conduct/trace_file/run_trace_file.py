"""The file of the trace: if it cannot be created, the files of other processes stay as they are."""
import argparse
import subprocess
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent.parent / "scenario"))
from checks import check, expect, run_checks  # noqa: E402

# In a mount namespace of its own: a small disk, a trace of the first program, then no room for a second one.
SCRIPT = r"""
mount -t tmpfs -o size=4M tmpfs "$1" || exit 125
export UNPAIRED_OUTPUT=$1/a.trace UNPAIRED_OPTIONS=--max-trace=1M
LD_PRELOAD=$2 /bin/true || exit 1
cp "$1/a.trace" "$3/before" || exit 2
cat /dev/zero > "$1/filler" 2> /dev/null
LD_PRELOAD=$2 /bin/true || exit 3
cp "$1/a.trace" "$3/after" || exit 4
ls "$1"
"""


@check
def a_process_that_cannot_make_its_trace_leaves_the_other_one_alone(t, folder):
    disk, kept = Path(folder) / "disk", Path(folder) / "kept"
    disk.mkdir()
    kept.mkdir()
    ended = subprocess.run(["unshare", "--map-root-user", "--mount", "bash", "-c", SCRIPT, "script", disk, t.preload, kept],
                           capture_output=True, text=True, timeout=60)
    expect(ended.returncode == 0, f"status {ended.returncode}: {ended.stderr}")
    expect(ended.stdout.split() == ["a.trace", "filler"], f"on the disk: {ended.stdout}")
    expect((kept / "before").read_bytes() == (kept / "after").read_bytes(), "the first trace has changed")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--unpaired")
    parser.add_argument("--preload", required=True)
    run_checks(parser.parse_args())
