# The preload library and the programs of this folder once more, for aarch64, to run under qemu: compiled by Debian's cross
# compiler file by file, since one CMake build has one toolchain.
find_program(UNPAIRED_AARCH64_CXX aarch64-linux-gnu-g++)
find_program(UNPAIRED_AARCH64_OBJCOPY aarch64-linux-gnu-objcopy)
find_program(UNPAIRED_AARCH64_EMULATOR qemu-aarch64)
set(aarch64_libunwind "${PROJECT_SOURCE_DIR}/.deps/libunwind-14-arm64/usr/lib/llvm-14/lib/libunwind.a")
if(NOT UNPAIRED_AARCH64_CXX OR NOT UNPAIRED_AARCH64_OBJCOPY OR NOT UNPAIRED_AARCH64_EMULATOR OR NOT EXISTS "${aarch64_libunwind}")
  message(FATAL_ERROR "aarch64-linux-gnu-g++, qemu-aarch64 or .deps/libunwind-14-arm64 is missing: scripts/setup build test")
endif()

set(folder "${CMAKE_CURRENT_BINARY_DIR}/aarch64")
file(MAKE_DIRECTORY "${folder}")
set(objects "")
get_target_property(recorder_sources unpaired_recorder SOURCES)
get_target_property(hook_sources unpaired_preload SOURCES)
list(FILTER recorder_sources INCLUDE REGEX "^src/")
list(FILTER hook_sources INCLUDE REGEX "^src/")
list(TRANSFORM recorder_sources PREPEND "${PROJECT_SOURCE_DIR}/interposer/")
list(TRANSFORM hook_sources PREPEND "${PROJECT_SOURCE_DIR}/interposer/")
foreach(source IN LISTS recorder_sources hook_sources ITEMS "${CMAKE_CURRENT_SOURCE_DIR}/compare_walks.cpp")
  get_filename_component(name "${source}" NAME_WE)
  add_custom_command(OUTPUT "${folder}/${name}.o"
    COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${UNPAIRED_AARCH64_CXX} -std=c++20 -O2 -g -fPIC -Wall -Wextra
      -fno-exceptions -fno-rtti -fno-threadsafe-statics -fasynchronous-unwind-tables -fno-omit-frame-pointer
      -fno-builtin-malloc -fvisibility=hidden -fno-stack-protector -U_FORTIFY_SOURCE
      -I "${PROJECT_SOURCE_DIR}/interposer/src" -I "${PROJECT_SOURCE_DIR}/wraplib/include"
      -I "$<TARGET_PROPERTY:unpaired::libunwind,INTERFACE_INCLUDE_DIRECTORIES>"
      -MD -MF "${folder}/${name}.d" -MT "${folder}/${name}.o" -c -o "${folder}/${name}.o" "${source}"
    DEPENDS "${source}" DEPFILE "${folder}/${name}.d" VERBATIM)
  list(APPEND objects "${folder}/${name}.o")
endforeach()
add_custom_command(OUTPUT "${folder}/libwalks_compared.so"
  COMMAND ${UNPAIRED_AARCH64_OBJCOPY} "--redefine-syms=${PROJECT_SOURCE_DIR}/cmake/libunwind_symbols.txt"
    "${aarch64_libunwind}" "${folder}/libunwind.a"
  COMMAND ${UNPAIRED_AARCH64_CXX} -nodefaultlibs -shared -o "${folder}/libwalks_compared.so" ${objects} "${folder}/libunwind.a"
    -Wl,--wrap=${hash_stack} -Wl,--wrap=${walk_with_libunwind}
    "-Wl,--version-script=$<TARGET_PROPERTY:unpaired_preload,LINK_DEPENDS>"
    -Wl,--exclude-libs,ALL -Wl,-z,now -Wl,-z,defs -Wl,--as-needed -lc -lgcc
  DEPENDS ${objects} "${aarch64_libunwind}" "${PROJECT_SOURCE_DIR}/cmake/libunwind_symbols.txt" unpaired_exports VERBATIM)
foreach(size_and_room small=512 large=1536)
  string(REPLACE "=" ";" pair "${size_and_room}")
  list(GET pair 0 size)
  list(GET pair 1 room)
  add_custom_command(OUTPUT "${folder}/${size}_plugin.so"
    COMMAND ${UNPAIRED_AARCH64_CXX} -xc -shared -fPIC -O2 -DROOM=${room} -o "${folder}/${size}_plugin.so"
      "${CMAKE_CURRENT_SOURCE_DIR}/replaced_plugin.c"
    DEPENDS replaced_plugin.c VERBATIM)
endforeach()
add_custom_command(OUTPUT "${folder}/every_way"
  COMMAND ${UNPAIRED_AARCH64_CXX} -std=gnu++20 -g -O2 -fno-builtin
    "-DPLUGIN_SMALL=\"${folder}/small_plugin.so\"" "-DPLUGIN_LARGE=\"${folder}/large_plugin.so\""
    -o "${folder}/every_way" "${CMAKE_CURRENT_SOURCE_DIR}/every_way_program.cpp"
  DEPENDS every_way_program.cpp frames.h VERBATIM)
add_custom_target(walks_aarch64 ALL DEPENDS
  "${folder}/libwalks_compared.so" "${folder}/every_way" "${folder}/small_plugin.so" "${folder}/large_plugin.so")
