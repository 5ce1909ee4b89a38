# unpaired_wrap(): links the recorder of wraplib into a firmware or a static program. docs/firmware.md shows it.
#
#   unpaired_wrap(TARGET FAMILIES FAMILY...
#     [CONFIG HEADER]          a header of settings, see unpaired/config.h
#     [PORT NAME|FILE.c]       a folder of wraplib/ports, or your own port; default: bare_metal
#     [SINK NAME|FILE.c]       a file of wraplib/ports/sinks, or your own sink; default: none
#                              with a sink and neither CONFIG nor RING: RING 64 (posix: 4096) SEND_AT_ONCE 1
#     [SITES n] [FRAMES n] [SCAN_WORDS n] [HANDLES n] [ANOMALIES n] [MARKS n] [RING n] [TASKS n] [NESTING n]
#     [SEND_AT_ONCE 1]         needs RING, as does every SINK; without it call unpaired_poll()
#     [BUILD_ID_AFTER SECTION] output section the build-id is put behind; default: .text; OFF: you place it yourself
#     [MAP FILE]               the linker's map, if the target asks for one itself
#     [ALLOW FUNCTION...]      callers that may bypass the hooks; * and ? stand for any characters
#     [NO_VERIFY])             do not check the linked file
#
# FAMILY is the lower-case rest of an UNPAIRED_TABLE_* of unpaired/config.h (lwip, freertos, lwip-memory, ...), or
# heap: that of newlib or of another C library, as the target's compiler has it. Call it behind everything that
# sets the target's compile options. The functions to wrap are never listed: the target's compiler expands the
# resource table when CMake configures.
#
# After the link `unpaired verify` runs, and the build fails if a call escapes the hooks. The program `unpaired` of
# the host is taken from UNPAIRED_EXECUTABLE, or found in PATH.
#
# For build systems that link by commands of their own (Zephyr, ESP-IDF):
#
#   unpaired_wrap_file(FILE DEFINITIONS FAMILY...)
#
# writes the --wrap options of the families into FILE, for -Wl,@FILE, and sets the variable DEFINITIONS to what
# wraplib's sources are to be compiled with.
#
# Needs CMake 3.16, the language C, and GNU ld or a linker with its options.
cmake_policy(PUSH)
cmake_policy(VERSION 3.16)

if(NOT UNPAIRED_WRAPLIB_DIR) # the installed package knows where it is; in the source tree it is the folder above
  get_filename_component(UNPAIRED_WRAPLIB_DIR "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
  set(UNPAIRED_WRAPLIB_INCLUDE_DIR "${UNPAIRED_WRAPLIB_DIR}/include")
endif()
# Functions see the variables of their caller, which may be another folder.
set(_UNPAIRED_WRAPLIB_DIR "${UNPAIRED_WRAPLIB_DIR}" CACHE INTERNAL "")
set(_UNPAIRED_WRAPLIB_INCLUDE_DIR "${UNPAIRED_WRAPLIB_INCLUDE_DIR}" CACHE INTERNAL "")

# Names of the tables that table.def can include, as FAMILIES spells them.
function(_unpaired_known_families out)
  file(STRINGS "${_UNPAIRED_WRAPLIB_INCLUDE_DIR}/unpaired/resources/table.def" choosers
    REGEX "^#ifdef UNPAIRED_TABLE_[A-Z_]+$")
  list(TRANSFORM choosers REPLACE "^#ifdef UNPAIRED_TABLE_" "")
  list(TRANSFORM choosers TOLOWER)
  list(TRANSFORM choosers REPLACE "_" "-")
  list(REMOVE_ITEM choosers linux)
  set(${out} ${choosers} PARENT_SCOPE)
endfunction()

# What the compiler must be called with to see what the target's sources see: its own options and those of the
# libraries it links, as far as they are known now. Generator expressions are not.
function(_unpaired_collect_flags target property_prefix seen_in flags_out seen_out)
  set(seen ${seen_in})
  set(flags)
  if(NOT TARGET "${target}" OR target IN_LIST seen)
    set(${flags_out} "" PARENT_SCOPE)
    set(${seen_out} "${seen}" PARENT_SCOPE)
    return()
  endif()
  list(APPEND seen "${target}")
  foreach(kind IN ITEMS OPTIONS DEFINITIONS)
    get_target_property(values "${target}" ${property_prefix}COMPILE_${kind})
    foreach(value IN LISTS values)
      if(value MATCHES "\\$<" OR value MATCHES "-NOTFOUND$")
        continue()
      elseif(kind STREQUAL "DEFINITIONS")
        string(REGEX REPLACE "^-D" "" value "${value}")
        list(APPEND flags "-D${value}")
      elseif(value MATCHES "^SHELL:")
        string(SUBSTRING "${value}" 6 -1 value)
        separate_arguments(value UNIX_COMMAND "${value}")
        list(APPEND flags ${value})
      else()
        list(APPEND flags "${value}")
      endif()
    endforeach()
  endforeach()
  get_target_property(values "${target}" ${property_prefix}INCLUDE_DIRECTORIES)
  foreach(value IN LISTS values)
    string(REGEX REPLACE "^\\$<BUILD_INTERFACE:(.*)>$" "\\1" value "${value}")
    if(NOT value MATCHES "\\$<" AND NOT value MATCHES "-NOTFOUND$")
      list(APPEND flags "-I${value}")
    endif()
  endforeach()
  if(property_prefix STREQUAL "")
    get_target_property(libraries "${target}" LINK_LIBRARIES)
  else()
    get_target_property(libraries "${target}" INTERFACE_LINK_LIBRARIES)
  endif()
  foreach(library IN LISTS libraries)
    _unpaired_collect_flags("${library}" INTERFACE_ "${seen}" more seen)
    list(APPEND flags ${more})
  endforeach()
  set(${flags_out} "${flags}" PARENT_SCOPE)
  set(${seen_out} "${seen}" PARENT_SCOPE)
endfunction()

# Runs the target's preprocessor over `text`; the rest of the arguments are more flags.
function(_unpaired_preprocess target file text out)
  file(WRITE "${file}" "${text}")
  _unpaired_collect_flags("${target}" "" "" flags seen)
  separate_arguments(global UNIX_COMMAND "${CMAKE_C_FLAGS}")
  set(command "${CMAKE_C_COMPILER}" ${CMAKE_C_COMPILER_ARG1} ${global})
  if(CMAKE_C_COMPILER_TARGET)
    list(APPEND command "${CMAKE_C_COMPILE_OPTIONS_TARGET}${CMAKE_C_COMPILER_TARGET}")
  endif()
  if(CMAKE_SYSROOT)
    list(APPEND command "--sysroot=${CMAKE_SYSROOT}")
  endif()
  list(APPEND command ${flags} "-I${_UNPAIRED_WRAPLIB_INCLUDE_DIR}" ${ARGN} -E -P -x c "${file}")
  execute_process(COMMAND ${command} OUTPUT_VARIABLE output ERROR_VARIABLE error RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    string(REPLACE ";" " " command "${command}")
    message(FATAL_ERROR "unpaired_wrap(${target}): the preprocessor failed:\n${command}\n${error}")
  endif()
  set(${out} "${output}" PARENT_SCOPE)
endfunction()

# The table, expanded by the target's compiler.
function(_unpaired_write_wrap_file target file)
  set(flags ${ARGN})
  list(TRANSFORM flags PREPEND "-D")
  _unpaired_preprocess("${target}" "${file}.c" "#include \"unpaired/config.h\"
#define UNPAIRED_EACH_FUNCTION(function) unpaired_function(function)
#include \"unpaired/resources/table.def\"
" output ${flags})
  string(REGEX MATCHALL "unpaired_function\\([A-Za-z0-9_$]+\\)" functions "${output}")
  list(TRANSFORM functions REPLACE "unpaired_function\\((.*)\\)" "--wrap=\\1")
  list(REMOVE_DUPLICATES functions)
  string(REPLACE ";" "\n" lines "${functions}")
  file(GENERATE OUTPUT "${file}" CONTENT "${lines}\n")
  file(GLOB table CONFIGURE_DEPENDS "${_UNPAIRED_WRAPLIB_INCLUDE_DIR}/unpaired/resources/*.def")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${table})
endfunction()

# The macro that chooses a family's table; an error names those that are.
function(_unpaired_table caller family out)
  _unpaired_known_families(known)
  string(REGEX REPLACE "^heap-" "" name "${family}")
  if(NOT name IN_LIST known)
    string(REPLACE ";" ", " known "${known}")
    message(FATAL_ERROR "${caller}: there is no family '${family}' (there are: heap, ${known})")
  endif()
  string(TOUPPER "UNPAIRED_TABLE_${name}" name)
  string(REPLACE "-" "_" name "${name}")
  set(${out} "${name}" PARENT_SCOPE)
endfunction()

function(unpaired_wrap_file file definitions_out)
  set(definitions)
  foreach(family IN LISTS ARGN)
    _unpaired_table("unpaired_wrap_file" "${family}" table)
    list(APPEND definitions "${table}")
  endforeach()
  _unpaired_write_wrap_file("" "${file}" ${definitions})
  set(${definitions_out} "${definitions}" PARENT_SCOPE)
endfunction()

# A source file: one of the user's own, or the files of wraplib that `pattern` finds for the name.
function(_unpaired_sources target what name folder out)
  get_filename_component(own "${name}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
  if(name MATCHES "\\.(c|cpp|cc)$")
    if(NOT EXISTS "${own}")
      message(FATAL_ERROR "unpaired_wrap(${target}): there is no file ${own}, which ${what} names")
    endif()
    set(${out} "${own}" PARENT_SCOPE)
    return()
  endif()
  if(what STREQUAL "SINK")
    file(GLOB known RELATIVE "${folder}" CONFIGURE_DEPENDS "${folder}/*.c")
    list(TRANSFORM known REPLACE "\\.c$" "")
    file(GLOB sources CONFIGURE_DEPENDS "${folder}/${name}.c")
    list(PREPEND known none)
  else()
    file(GLOB known RELATIVE "${folder}" "${folder}/*/*.c")
    list(TRANSFORM known REPLACE "/.*" "")
    list(REMOVE_ITEM known sinks)
    list(APPEND known bare_metal) # what wraplib/src does by itself
    list(REMOVE_DUPLICATES known)
    file(GLOB sources CONFIGURE_DEPENDS "${folder}/${name}/*.c")
  endif()
  if(NOT name IN_LIST known)
    string(REPLACE ";" ", " known "${known}")
    message(FATAL_ERROR "unpaired_wrap(${target}): there is no ${what} '${name}' (there are: ${known}; or a .c file of yours)")
  endif()
  set(${out} "${sources}" PARENT_SCOPE)
endfunction()

function(unpaired_wrap target)
  set(numbers SITES FRAMES SCAN_WORDS HANDLES ANOMALIES MARKS RING TASKS NESTING SEND_AT_ONCE)
  cmake_parse_arguments(PARSE_ARGV 1 wrap "NO_VERIFY" "CONFIG;PORT;SINK;BUILD_ID_AFTER;MAP;${numbers}" "FAMILIES;ALLOW")
  if(NOT TARGET "${target}")
    message(FATAL_ERROR "unpaired_wrap(${target}): there is no such target")
  endif()
  if(DEFINED wrap_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "unpaired_wrap(${target}): unknown argument '${wrap_UNPARSED_ARGUMENTS}' (see the head of UnpairedWrap.cmake)")
  endif()
  _unpaired_known_families(known)
  string(REPLACE ";" ", " known_text "heap;${known}")
  if(NOT wrap_FAMILIES)
    message(FATAL_ERROR "unpaired_wrap(${target}): FAMILIES says what to follow: ${known_text}")
  endif()
  set(work "${CMAKE_CURRENT_BINARY_DIR}/unpaired/${target}")
  file(MAKE_DIRECTORY "${work}")

  # -- the settings, for wraplib alone: the target's own sources are compiled as they were
  set(definitions)
  foreach(family IN LISTS wrap_FAMILIES)
    if(family STREQUAL "heap")
      _unpaired_preprocess("${target}" "${work}/which_heap.c" [[#include <stdlib.h>
#if defined(__PICOLIBC__) || defined(_PICOLIBC__)
unpaired_heap_is libc
#elif defined(_NEWLIB_VERSION) || defined(__NEWLIB__)
unpaired_heap_is newlib
#else
unpaired_heap_is libc
#endif
]] output)
      string(REGEX MATCH "unpaired_heap_is ([a-z]+)" match "${output}")
      set(family "${CMAKE_MATCH_1}")
    endif()
    _unpaired_table("unpaired_wrap(${target})" "${family}" table)
    list(APPEND definitions "${table}")
  endforeach()
  list(REMOVE_DUPLICATES definitions)
  foreach(number IN LISTS numbers)
    if(DEFINED wrap_${number})
      if(NOT wrap_${number} MATCHES "^[0-9]+$")
        message(FATAL_ERROR "unpaired_wrap(${target}): ${number} should be a number, not '${wrap_${number}}'")
      endif()
      list(APPEND definitions "UNPAIRED_${number}=${wrap_${number}}")
    endif()
  endforeach()
  if(wrap_SINK AND NOT wrap_SINK STREQUAL "none" AND NOT wrap_CONFIG AND NOT DEFINED wrap_RING)
    # without a ring the sink would have nothing to send
    if(wrap_PORT STREQUAL "posix")
      list(APPEND definitions UNPAIRED_RING=4096)
    else()
      list(APPEND definitions UNPAIRED_RING=64)
    endif()
    if(NOT DEFINED wrap_SEND_AT_ONCE)
      list(APPEND definitions UNPAIRED_SEND_AT_ONCE=1)
    endif()
  endif()
  if(wrap_CONFIG)
    get_filename_component(config "${wrap_CONFIG}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
    if(NOT EXISTS "${config}")
      message(FATAL_ERROR "unpaired_wrap(${target}): there is no file ${config}, which CONFIG names")
    endif()
    list(APPEND definitions "UNPAIRED_CONFIG_FILE=\"${config}\"")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${config}")
  endif()

  # -- the functions to wrap
  _unpaired_write_wrap_file("${target}" "${work}/wrap.rsp" ${definitions})

  # -- the recorder, compiled like the target, but without LTO: the linker wraps no call it has optimised away
  if(NOT wrap_PORT)
    set(wrap_PORT bare_metal)
  endif()
  if(NOT wrap_SINK)
    set(wrap_SINK none)
  endif()
  file(GLOB sources CONFIGURE_DEPENDS "${_UNPAIRED_WRAPLIB_DIR}/src/*.c")
  _unpaired_sources("${target}" PORT "${wrap_PORT}" "${_UNPAIRED_WRAPLIB_DIR}/ports" port)
  _unpaired_sources("${target}" SINK "${wrap_SINK}" "${_UNPAIRED_WRAPLIB_DIR}/ports/sinks" sink)
  if(NOT sources)
    message(FATAL_ERROR "unpaired_wrap(${target}): there are no sources in ${_UNPAIRED_WRAPLIB_DIR}/src")
  endif()
  add_library(${target}_unpaired OBJECT ${sources} ${port} ${sink})
  foreach(kind IN ITEMS COMPILE_OPTIONS COMPILE_DEFINITIONS INCLUDE_DIRECTORIES)
    set_property(TARGET ${target}_unpaired PROPERTY ${kind} "$<TARGET_PROPERTY:${target},${kind}>")
  endforeach()
  set_property(TARGET ${target}_unpaired APPEND PROPERTY COMPILE_OPTIONS -fno-lto -Wno-error -ffunction-sections)
  set_property(TARGET ${target}_unpaired APPEND PROPERTY COMPILE_DEFINITIONS ${definitions})
  set_property(TARGET ${target}_unpaired APPEND PROPERTY INCLUDE_DIRECTORIES
    "${_UNPAIRED_WRAPLIB_INCLUDE_DIR}" "${_UNPAIRED_WRAPLIB_DIR}/src")
  set_target_properties(${target}_unpaired PROPERTIES C_STANDARD 99 INTERPROCEDURAL_OPTIMIZATION OFF)
  get_target_property(position_independent ${target} POSITION_INDEPENDENT_CODE)
  if(position_independent)
    set_property(TARGET ${target}_unpaired PROPERTY POSITION_INDEPENDENT_CODE ON)
  endif()
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_unpaired>)
  target_include_directories(${target} PRIVATE "${_UNPAIRED_WRAPLIB_INCLUDE_DIR}")
  target_compile_definitions(${target} PRIVATE UNPAIRED_LINKED)

  # -- the link
  set(link_options "-Wl,@${work}/wrap.rsp")
  set(link_files "${work}/wrap.rsp")
  if(NOT DEFINED wrap_BUILD_ID_AFTER)
    set(wrap_BUILD_ID_AFTER .text)
  endif()
  if(wrap_BUILD_ID_AFTER)
    file(READ "${_UNPAIRED_WRAPLIB_DIR}/cmake/unpaired_build_id.ld" script)
    string(REPLACE "INSERT AFTER .text;" "INSERT AFTER ${wrap_BUILD_ID_AFTER};" script "${script}")
    file(GENERATE OUTPUT "${work}/build_id.ld" CONTENT "${script}")
    list(APPEND link_options -Wl,--build-id "-Wl,-T,${work}/build_id.ld")
    list(APPEND link_files "${work}/build_id.ld")
  endif()
  get_target_property(given ${target} LINK_OPTIONS)
  set(map)
  if(wrap_MAP)
    get_filename_component(map "${wrap_MAP}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_BINARY_DIR}")
  elseif(NOT "${given} ${CMAKE_EXE_LINKER_FLAGS}" MATCHES "-Map")
    set(map "${work}/link.map")
    list(APPEND link_options "-Wl,-Map=${map}")
  endif()
  target_link_options(${target} PRIVATE ${link_options})
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${link_files})

  # -- the check
  if(wrap_NO_VERIFY)
    return()
  endif()
  find_program(UNPAIRED_EXECUTABLE unpaired NO_CMAKE_FIND_ROOT_PATH
    HINTS "${_UNPAIRED_WRAPLIB_DIR}/../../../bin" DOC "the program unpaired of this machine")
  if(UNPAIRED_EXECUTABLE)
    if(map)
      list(PREPEND map --map)
    endif()
    if(wrap_PORT STREQUAL "posix" AND map) # the C library's own internals use names that nobody can wrap
      list(APPEND wrap_ALLOW "*/libc.a(*" "*/libgcc*.a(*")
    endif()
    list(TRANSFORM wrap_ALLOW PREPEND --allow=)
    add_custom_command(TARGET ${target} POST_BUILD VERBATIM
      COMMAND "${UNPAIRED_EXECUTABLE}" verify "$<TARGET_FILE:${target}>" --fix ${map} ${wrap_ALLOW}
      COMMENT "Checking that no call of ${target} escapes the hooks of unpaired")
  else()
    message(WARNING "unpaired_wrap(${target}): the program 'unpaired' is not found, so NOBODY CHECKS that the calls of "
      "${target} reach the hooks. Install it, set UNPAIRED_EXECUTABLE, or say NO_VERIFY.")
  endif()
endfunction()

cmake_policy(POP)
