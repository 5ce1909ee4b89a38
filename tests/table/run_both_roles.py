#!/usr/bin/env python3
"""A space that is acquired and never released, or the other way round, does not compile; the message names it."""
import argparse
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "scenario"))
import harness  # noqa: E402
from harness import Broken, Failed  # noqa: E402

CASES = [  # user's .def, macros, what the message must have (None: compiles)
    ("widgets.def", [], None),
    ("widgets.def", ["-DWITHOUT_RELEASER"], "space_widget_has_no_releaser"),
    ("gadgets_without_acquirer.def", [], "space_gadget_has_no_acquirer"),
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--headers", required=True)
    arguments = parser.parse_args()
    problems = []
    with tempfile.TemporaryDirectory(prefix="unpaired-test-") as folder:
        for compiler, language, standard in (("gcc", "c", "c99"), ("gcc", "c++", "c++20"),
                                             ("clang", "c", "c99"), ("clang", "c++", "c++20")):
            source = os.path.join(folder, "table." + ("c" if language == "c" else "cpp"))
            with open(source, "w", encoding="utf-8") as file:
                file.write('#include "unpaired/resource_ids.h"\nint main(void) { return 0; }\n')
            for definitions, macros, wanted in CASES:
                command = [compiler, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                           "-DUNPAIRED_TABLE_LINUX", "-DUNPAIRED_TABLE_LWIP", "-DUNPAIRED_TABLE_LWIP_MEMORY",
                           f"-I{arguments.headers}", f"-I{HERE}",
                           f'-DUNPAIRED_USER_RESOURCES_FILE="{definitions}"', *macros, source]
                try:
                    result = harness.run(command)
                except FileNotFoundError:
                    raise Broken(f"{compiler} is missing; scripts/setup installs what the tests need") from None
                message = harness.text(result.stderr)
                name = f"{compiler} -std={standard} {definitions} {' '.join(macros)}"
                if wanted is None and result.status != 0:
                    problems.append(f"{name}: does not compile\n{message}")
                elif wanted is not None and (result.status == 0 or wanted not in message):
                    problems.append(f"{name}: status {result.status}, no {wanted!r} in\n{message}")
    if problems:
        raise Failed("\n".join(problems))


harness.main(main)
