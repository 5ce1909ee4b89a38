"""The resource table for build systems that speak Python: which functions a set of tables makes the linker wrap."""
import os
import re
import subprocess

FOLDER = os.path.dirname(os.path.abspath(__file__))
INCLUDE = os.path.join(FOLDER, "include")


def known_families():
    """The tables of table.def, as families are spelled: lwip, lwip-memory, ..."""
    with open(os.path.join(INCLUDE, "unpaired", "resources", "table.def"), encoding="utf-8") as file:
        names = re.findall(r"^#ifdef UNPAIRED_TABLE_([A-Z_]+)$", file.read(), re.M)
    return [name.lower().replace("_", "-") for name in names if name != "LINUX"]


def definitions(families):
    """Macros that choose the tables of `families`. ValueError names an unknown family."""
    known = known_families()
    chosen = []
    for family in families:
        name = family[5:] if family.startswith("heap-") else family
        if name not in known:
            raise ValueError(f"unpaired: there is no family '{family}' (there are: {', '.join(known)})")
        chosen.append("UNPAIRED_TABLE_" + name.upper().replace("-", "_"))
    return chosen


def functions(compiler, families, flags=()):
    """Expands the table with the compiler's preprocessor."""
    source = '#define UNPAIRED_EACH_FUNCTION(function) unpaired_function(function)\n' \
             '#include "unpaired/config.h"\n#include "unpaired/resources/table.def"\n'
    command = [compiler, *flags, *(f"-D{d}" for d in definitions(families)), f"-I{INCLUDE}", "-E", "-P", "-x", "c", "-"]
    done = subprocess.run(command, input=source, stdout=subprocess.PIPE, text=True, check=True)
    return list(dict.fromkeys(re.findall(r"unpaired_function\((\w+)\)", done.stdout)))
