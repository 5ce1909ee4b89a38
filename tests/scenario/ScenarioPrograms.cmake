# Builds programs whose leading comment contains the build options and the expected report of `unpaired run`
# (README.md). The includer sets `scenario_kind`, the first word in the names of its targets and tests. A file *_plugin.c
# belongs to the program that names it.
include_guard(GLOBAL)
add_library(scenario_options INTERFACE)
target_compile_options(scenario_options INTERFACE -g -O1 -fno-builtin -Wall -Wextra
  $<$<COMPILE_LANG_AND_ID:C,GNU>:-fno-tree-loop-optimize> $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-tree-loop-optimize>)
target_include_directories(scenario_options INTERFACE "${CMAKE_CURRENT_LIST_DIR}")
target_link_libraries(scenario_options INTERFACE unpaired_headers)

# Sets a variable to the value of `// WORD: value` in a source's leading comment, or to an empty string.
function(scenario_word source word result)
  file(STRINGS "${source}" lines REGEX "^// ${word}:" LIMIT_COUNT 1)
  string(REGEX REPLACE "^// ${word}: *" "" value "${lines}")
  set(${result} "${value}" PARENT_SCOPE)
endfunction()

# Builds `source`, in FOLDER, as FOLDER/PROGRAM, a plugin if it is called so, and adds its test, unless SENTENCE is
# empty. Further arguments: options of run_scenario.py.
function(scenario_program source folder program sentence)
  set(target "${scenario_kind}_${folder}_${program}")
  foreach(word build link plugin plugin2 before)
    scenario_word("${source}" ${word} ${word})
  endforeach()
  separate_arguments(build UNIX_COMMAND "${build}")
  separate_arguments(link UNIX_COMMAND "${link}")

  if(program MATCHES "_plugin$")
    add_library(${target} SHARED "${source}")
    set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${program}
      LIBRARY_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/${folder}")
  else()
    add_executable(${target} "${source}")
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${program}
      RUNTIME_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/${folder}")
  endif()
  set_target_properties(${target} PROPERTIES C_STANDARD 11 C_EXTENSIONS ON CXX_EXTENSIONS ON)
  target_compile_options(${target} PRIVATE ${build})
  if(before) # a plugin that is linked before the libraries that it changes
    target_link_libraries(${target} PRIVATE -Wl,--no-as-needed ${scenario_kind}_${folder}_${before})
  endif()
  target_link_libraries(${target} PRIVATE scenario_options ${link})

  set(plugin_sources "")
  foreach(word plugin plugin2)
    if(${word})
      get_filename_component(plugin_base "${${word}}" NAME_WE)
      string(TOUPPER ${word} macro)
      list(APPEND plugin_sources "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/${${word}}")
      add_dependencies(${target} ${scenario_kind}_${folder}_${plugin_base})
      target_compile_definitions(${target} PRIVATE
        "${macro}=\"${CMAKE_CURRENT_BINARY_DIR}/${folder}/${plugin_base}.so\"")
    endif()
  endforeach()
  if(sentence)
    add_test(NAME "${scenario_kind}: ${sentence}" COMMAND Python3::Interpreter
      "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/run_scenario.py" --unpaired $<TARGET_FILE:unpaired>
      --program $<TARGET_FILE:${target}> ${ARGN} "${source}" ${plugin_sources})
  elseif(NOT program MATCHES "_plugin$|_program$")
    message(FATAL_ERROR "${source}: no `// scenario: ` sentence at its start")
  endif()
endfunction()

# Adds every source below the current folder whose leading comment has a `scenario:` sentence, and builds its plug-ins
# and *_program files. Sources below one of the given folders are skipped.
function(scenario_folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.c *.cpp)
  foreach(source IN LISTS sources)
    file(RELATIVE_PATH name "${CMAKE_CURRENT_SOURCE_DIR}" "${source}")
    string(REGEX MATCH "^[^/]*" top "${name}")
    if(top IN_LIST ARGN)
      continue()
    endif()
    if(name STREQUAL "heap/under_asan.c" AND NOT CMAKE_C_COMPILER_ID STREQUAL "GNU")
      message(STATUS "not tested: ${name} (clang links its sanitizer statically: an allocator of the program's own)")
      continue()
    endif()
    get_filename_component(folder "${name}" DIRECTORY)
    get_filename_component(base "${name}" NAME_WE)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
    scenario_word("${source}" scenario sentence)
    scenario_program("${source}" "${folder}" "${base}" "${sentence}")
    scenario_word("${source}" fixed sentence)
    if(sentence) # the same source, built again without the mistake
      scenario_program("${source}" "${folder}" "${base}_fixed" "${sentence}" --fixed)
      target_compile_definitions("${scenario_kind}_${folder}_${base}_fixed" PRIVATE FIXED)
    endif()
  endforeach()
endfunction()
