# PlatformIO: chosen in platformio.ini by
#   custom_unpaired_families = newlib, lwip      custom_unpaired_port = freertos      custom_unpaired_sink = uart
import os
import sys

Import("env")  # noqa: F821

folder = env.Dir(".").srcnode().get_abspath()  # noqa: F821
sys.path.insert(0, folder)
import wrap_list  # noqa: E402

families = [f.strip() for f in env.GetProjectOption("custom_unpaired_families", "newlib").split(",")]  # noqa: F821
port = env.GetProjectOption("custom_unpaired_port", "bare_metal")  # noqa: F821
sink = env.GetProjectOption("custom_unpaired_sink", "none")  # noqa: F821

env.Append(CPPDEFINES=wrap_list.definitions(families),  # noqa: F821
           SRC_FILTER=[f"+<ports/{port}/*.c>"] + ([] if sink == "none" else [f"+<ports/sinks/{sink}.c>"]))
# what the whole firmware needs is set in the project's environment, not in this library's
DefaultEnvironment().Append(  # noqa: F821
    CPPDEFINES=["UNPAIRED_LINKED"], CPPPATH=[os.path.join(folder, "include")],
    LINKFLAGS=[f"-Wl,--wrap={f}" for f in wrap_list.functions(env.subst("$CC"), families)]  # noqa: F821
    + ["-Wl,--build-id", "-Wl,-T," + os.path.join(folder, "cmake", "unpaired_build_id.ld")])
