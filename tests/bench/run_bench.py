#!/usr/bin/env python3
"""scripts/bench runs at all: a few of its loads, a tenth of their work, once. No figure is looked at but that it is there."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

SUBJECTS = ["pairs:heap", "descriptors:dup", "programs:xz", "report:heap-paths", "soak"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--build", required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unpaired-test-") as folder:
        figures = os.path.join(folder, "figures.json")
        told = subprocess.run([arguments.bench, "--quick", "--rounds", "1", "--markdown", "--build", arguments.build, "--json",
                               figures, *SUBJECTS], capture_output=True, text=True, timeout=300, check=False)
        if told.returncode != 0:
            sys.exit(f"status {told.returncode}\n{told.stderr}")
        with open(figures, encoding="utf-8") as file:
            kept = json.load(file)
    measured = {row["subject"] for row in kept["figures"] if row["recorder"].startswith("unpaired")}
    missing = {subject.split(":")[0] for subject in SUBJECTS} - measured
    if missing or not told.stdout.count("| --- |"):
        sys.exit(f"not measured: {missing or 'no tables'}; {kept['not_measured']}\n{told.stderr}")
    refused = subprocess.run([arguments.bench, "no-such-subject"], capture_output=True, text=True, check=False)
    if refused.returncode != 2 or "no-such-subject" not in refused.stderr:
        sys.exit(f"an unknown subject: status {refused.returncode}\n{refused.stderr}")


main()
