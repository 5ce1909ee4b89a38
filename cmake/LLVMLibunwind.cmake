# LLVM's libunwind, static and position-independent, as target unpaired::libunwind.
#
# Debian's libunwind-14-dev has it, but conflicts with libunwind-dev, which many developers have installed; so
# the package is downloaded (not installed) and unpacked: by scripts/setup into .deps, or else here into the
# build tree. Why this one: docs/limits.md.
set(UNPAIRED_LIBUNWIND_ROOT "" CACHE PATH "unpacked libunwind-14-dev; found or downloaded if empty")
if(NOT UNPAIRED_LIBUNWIND_ROOT)
  set(UNPAIRED_LIBUNWIND_ROOT "${CMAKE_BINARY_DIR}/libunwind-14")
  foreach(candidate IN ITEMS "/" "${CMAKE_SOURCE_DIR}/.deps/libunwind-14")
    if(EXISTS "${candidate}/usr/lib/llvm-14/lib/libunwind.a")
      set(UNPAIRED_LIBUNWIND_ROOT "${candidate}")
    endif()
  endforeach()
endif()
if(NOT EXISTS "${UNPAIRED_LIBUNWIND_ROOT}/usr/lib/llvm-14/lib/libunwind.a")
  file(MAKE_DIRECTORY "${UNPAIRED_LIBUNWIND_ROOT}/deb")
  execute_process(COMMAND apt-get download libunwind-14-dev
    WORKING_DIRECTORY "${UNPAIRED_LIBUNWIND_ROOT}/deb"
    RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE message)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "cannot download the Debian package libunwind-14-dev (${message}); run apt-get update, "
      "or unpack it yourself and pass -DUNPAIRED_LIBUNWIND_ROOT=DIR")
  endif()
  file(GLOB packages "${UNPAIRED_LIBUNWIND_ROOT}/deb/libunwind-14-dev_*.deb")
  list(GET packages 0 package)
  execute_process(COMMAND dpkg-deb -x "${package}" "${UNPAIRED_LIBUNWIND_ROOT}" COMMAND_ERROR_IS_FATAL ANY)
endif()
# Its calls go to functions of interposer/src/unwinder_needs.cpp.
set(UNPAIRED_LIBUNWIND_SYMBOLS "${CMAKE_CURRENT_LIST_DIR}/libunwind_symbols.txt")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${UNPAIRED_LIBUNWIND_SYMBOLS}")
set(library "${CMAKE_BINARY_DIR}/libunwind-14/libunwind.a")
file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/libunwind-14")
execute_process(COMMAND ${CMAKE_OBJCOPY} "--redefine-syms=${UNPAIRED_LIBUNWIND_SYMBOLS}"
  "${UNPAIRED_LIBUNWIND_ROOT}/usr/lib/llvm-14/lib/libunwind.a" "${library}" COMMAND_ERROR_IS_FATAL ANY)
add_library(unpaired_libunwind STATIC IMPORTED GLOBAL)
set_target_properties(unpaired_libunwind PROPERTIES
  IMPORTED_LOCATION "${library}"
  INTERFACE_INCLUDE_DIRECTORIES "${UNPAIRED_LIBUNWIND_ROOT}/usr/include/libunwind")
add_library(unpaired::libunwind ALIAS unpaired_libunwind)
