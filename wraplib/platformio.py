# PlatformIO: chosen in platformio.ini by
#   custom_unpaired_families = newlib, lwip      custom_unpaired_port = freertos      custom_unpaired_sink = uart
import os
import sys

from SCons.Script import DefaultEnvironment, Import

Import("env")
library = globals()["env"]  # Import() put it there

folder = library.Dir(".").srcnode().get_abspath()
sys.path.insert(0, folder)
import wrap_list  # noqa: E402

families = [f.strip() for f in library.GetProjectOption("custom_unpaired_families", "newlib").split(",")]
port = library.GetProjectOption("custom_unpaired_port", "bare_metal")
sink = library.GetProjectOption("custom_unpaired_sink", "none")

library.Append(CPPDEFINES=wrap_list.definitions(families),
               SRC_FILTER=[f"+<ports/{port}/*.c>"] + ([] if sink == "none" else [f"+<ports/sinks/{sink}.c>"]))
# what the whole firmware needs is set in the project's environment, not in this library's
DefaultEnvironment().Append(
    CPPDEFINES=["UNPAIRED_LINKED"], CPPPATH=[os.path.join(folder, "include")],
    LINKFLAGS=[f"-Wl,--wrap={f}" for f in wrap_list.functions(library.subst("$CC"), families)]
    + ["-Wl,--build-id", "-Wl,-T," + os.path.join(folder, "cmake", "unpaired_build_id.ld")])
