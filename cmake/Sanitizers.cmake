# UNPAIRED_SANITIZE=address,undefined|thread: our own code under sanitizers (presets asan and tsan).
#
# Only the analyzer, and through it what links it (the command, the unit tests). The preload library cannot be
# sanitised: it is loaded into programs that were built without, and ASan itself wants to be loaded first and
# to own malloc. Its conduct is tested from outside, by tests/transparency and tests/scenario.
set(UNPAIRED_SANITIZE "" CACHE STRING "sanitizers for the analyzer: address,undefined or thread")
if(UNPAIRED_SANITIZE)
  foreach(target IN ITEMS unpaired_symbols unpaired_analyzer)
    if(TARGET ${target})
      # gcc 12 takes what the sanitizers add to libstdc++'s <regex> for uses of uninitialised members
      target_compile_options(${target} PUBLIC
        -fsanitize=${UNPAIRED_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
        $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
      target_link_options(${target} PUBLIC -fsanitize=${UNPAIRED_SANITIZE})
    endif()
  endforeach()
endif()
