# CTest tests that fail on what they leave behind. docs/test-suites.md shows them.
#
#   unpaired_add_test(NAME NAME COMMAND COMMAND [ARG...] [options as below]
#     [JSON DIR] [JUNIT DIR] [SARIF DIR]   the report as DIR/NAME.json, .xml, .sarif too (SARIF's paths: relative to
#                                          CMAKE_SOURCE_DIR, unless OPTIONS has --source-root)
#     [WORKING_DIRECTORY DIR] [CONFIGURATIONS CONFIG...])
#
# adds a test that runs the command under `unpaired run`. It fails with exit status 99 if there are findings, with the
# report in its output, and with the command's own status if that fails. COMMAND may be an executable target.
#
#   unpaired_test_targets(TARGET... [options as below])
#
# does the same for all tests whose command is one of these executable targets, those that gtest_discover_tests() and
# catch_discover_tests() find among them, wherever add_test() is called.
#
#     [FAIL_ON leak|suspect|note]  what counts; default: suspect
#     [SUPPRESSIONS FILE...] [BASELINE FILE] [OWNER RULE...]
#     [OPTIONS OPTION...]          further options of `unpaired run`
#
# Files are relative to the current source folder, DIR to the current binary folder. The command is the target unpaired
# where it is built, else UNPAIRED_EXECUTABLE, else the one beside this package or in PATH; a test fails that finds none.
# Needs CMake 3.16.
cmake_policy(PUSH)
cmake_policy(VERSION 3.16)

set(_UNPAIRED_TEST_BIN_HINT "${CMAKE_CURRENT_LIST_DIR}" CACHE INTERNAL "")

# What `unpaired run` is to be called with; "" in `out` if there is no unpaired. Keywords are in variables prefix_*.
function(_unpaired_run_command caller prefix out)
  if(TARGET unpaired)
    set(command "$<TARGET_FILE:unpaired>")
  else()
    # lib/cmake/unpaired or lib/TRIPLET/cmake/unpaired of the package
    find_program(UNPAIRED_EXECUTABLE unpaired NO_CMAKE_FIND_ROOT_PATH DOC "the program unpaired of this machine"
      HINTS "${_UNPAIRED_TEST_BIN_HINT}/../../../bin" "${_UNPAIRED_TEST_BIN_HINT}/../../../../bin")
    if(NOT UNPAIRED_EXECUTABLE)
      message(FATAL_ERROR "${caller}: the program 'unpaired' is not found. Install it, or set UNPAIRED_EXECUTABLE.")
    endif()
    set(command "${UNPAIRED_EXECUTABLE}")
  endif()
  list(APPEND command run --error-exitcode=99)
  if(${prefix}_FAIL_ON)
    if(NOT ${prefix}_FAIL_ON MATCHES "^(leak|suspect|note)$")
      message(FATAL_ERROR "${caller}: FAIL_ON ${${prefix}_FAIL_ON}: there are leak, suspect and note.")
    endif()
    list(APPEND command "--fail-on=${${prefix}_FAIL_ON}")
  endif()
  foreach(keyword SUPPRESSIONS BASELINE)
    string(TOLOWER ${keyword} option)
    foreach(file IN LISTS ${prefix}_${keyword})
      get_filename_component(file "${file}" ABSOLUTE)
      list(APPEND command "--${option}=${file}")
    endforeach()
  endforeach()
  foreach(rule IN LISTS ${prefix}_OWNER)
    list(APPEND command "--owner=${rule}")
  endforeach()
  list(APPEND command ${${prefix}_OPTIONS})
  set(${out} "${command}" PARENT_SCOPE)
endfunction()

function(unpaired_add_test)
  cmake_parse_arguments(PARSE_ARGV 0 test "" "NAME;FAIL_ON;BASELINE;JSON;JUNIT;SARIF;WORKING_DIRECTORY"
    "COMMAND;SUPPRESSIONS;OWNER;OPTIONS;CONFIGURATIONS")
  set(caller "unpaired_add_test(${test_NAME})")
  if(test_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${caller}: what is ${test_UNPARSED_ARGUMENTS}?")
  elseif(NOT test_NAME OR NOT test_COMMAND)
    message(FATAL_ERROR "${caller}: a test needs NAME and COMMAND.")
  endif()
  _unpaired_run_command("${caller}" test command)
  list(APPEND command --format=text)
  # a test's name may be a sentence, or hold a path
  string(REGEX REPLACE "[^A-Za-z0-9._+-]+" "_" file_name "${test_NAME}")
  foreach(format_suffix IN ITEMS JSON:json JUNIT:xml SARIF:sarif)
    string(REPLACE ":" ";" pair "${format_suffix}")
    list(GET pair 0 keyword)
    list(GET pair 1 suffix)
    if(test_${keyword})
      get_filename_component(folder "${test_${keyword}}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_BINARY_DIR}")
      file(MAKE_DIRECTORY "${folder}")
      string(TOLOWER ${keyword} format)
      list(APPEND command "--output=${format}:${folder}/${file_name}.${suffix}")
    endif()
  endforeach()
  # ctest starts tests in the binary folder, and the paths of SARIF are to be those of the checkout
  if(test_SARIF AND NOT "${test_OPTIONS}" MATCHES "--source-root")
    list(APPEND command "--source-root=${CMAKE_SOURCE_DIR}")
  endif()
  list(GET test_COMMAND 0 program)
  if(TARGET "${program}")
    list(REMOVE_AT test_COMMAND 0)
    list(PREPEND test_COMMAND "$<TARGET_FILE:${program}>")
  endif()
  set(more)
  foreach(keyword WORKING_DIRECTORY CONFIGURATIONS)
    if(test_${keyword})
      list(APPEND more ${keyword} ${test_${keyword}})
    endif()
  endforeach()
  add_test(NAME "${test_NAME}" COMMAND ${command} -- ${test_COMMAND} ${more})
endfunction()

function(unpaired_test_targets)
  cmake_parse_arguments(PARSE_ARGV 0 test "" "FAIL_ON;BASELINE" "SUPPRESSIONS;OWNER;OPTIONS")
  if(NOT test_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "unpaired_test_targets: which targets?")
  endif()
  _unpaired_run_command("unpaired_test_targets" test command)
  # the prefix of a test's command; from 3.29 on (CMP0158) an emulator is used only when cross-compiling
  set(property CROSSCOMPILING_EMULATOR)
  if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.29)
    set(property TEST_LAUNCHER)
  endif()
  foreach(target IN LISTS test_UNPARSED_ARGUMENTS)
    if(NOT TARGET ${target})
      message(FATAL_ERROR "unpaired_test_targets: there is no target '${target}' here.")
    endif()
    set_target_properties(${target} PROPERTIES ${property} "${command};--format=text;--")
  endforeach()
endfunction()

cmake_policy(POP)
