# UNPAIRED_SANITIZE=address,undefined|thread: our own code under sanitizers (presets asan and tsan).
#
# The analyzer, and through it what links it (the command, the unit tests); the recorder and its unit tests. The preload
# library itself, with the hooks, cannot be sanitised: it is loaded into programs that were built without, and ASan wants to
# be loaded first and to own malloc. Its conduct is tested from outside, by tests/transparency and tests/scenario.
set(UNPAIRED_SANITIZE "" CACHE STRING "sanitizers for analyzer and recorder: address,undefined or thread")
add_library(unpaired_sanitizers INTERFACE) # of the recorder and its tests
if(UNPAIRED_SANITIZE)
  # An unwinder reads words of the stack that are no variable's: there must be no red zones on it.
  target_compile_options(unpaired_sanitizers INTERFACE -fsanitize=${UNPAIRED_SANITIZE} -fno-sanitize-recover=all
    $<$<CXX_COMPILER_ID:GNU>:--param=asan-stack=0>)
  target_link_options(unpaired_sanitizers INTERFACE -fsanitize=${UNPAIRED_SANITIZE})
  target_link_libraries(unpaired_recorder PRIVATE unpaired_sanitizers)
  foreach(target IN ITEMS unpaired_symbols unpaired_analyzer)
    if(TARGET ${target})
      # gcc 12 takes what the sanitizers add to libstdc++'s <regex> for uses of uninitialised members
      target_compile_options(${target} PUBLIC
        -fsanitize=${UNPAIRED_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
        $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
      target_link_options(${target} PUBLIC -fsanitize=${UNPAIRED_SANITIZE})
      if(UNPAIRED_FUZZERS) # the fuzzer counts which branches an input takes
        target_compile_options(${target} PUBLIC -fsanitize=fuzzer-no-link)
      endif()
    endif()
  endforeach()
endif()
