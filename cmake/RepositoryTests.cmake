# Tests of the repository itself: which folder may include which, and that each says what belongs in it.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME "layout: folders include only what they may, each has a README, and links lead somewhere"
  COMMAND ${Python3_EXECUTABLE} "${CMAKE_SOURCE_DIR}/scripts/check-layout" "${CMAKE_SOURCE_DIR}")
add_test(NAME "layout: the check finds wrong includes, missing READMEs and dead links"
  COMMAND ${Python3_EXECUTABLE} "${CMAKE_SOURCE_DIR}/scripts/check-layout" --self-test)
add_test(NAME "format: docs/trace-format.md agrees with the format headers"
  COMMAND ${Python3_EXECUTABLE} "${CMAKE_SOURCE_DIR}/scripts/check-format-page" ${CMAKE_C_COMPILER})
add_test(NAME "package: an installed and moved tree records, and find_package finds headers and unpaired_wrap()"
  COMMAND ${Python3_EXECUTABLE} "${CMAKE_SOURCE_DIR}/tests/package/run_package.py"
    --build "${CMAKE_BINARY_DIR}" --consumer "${CMAKE_SOURCE_DIR}/tests/package/consumer"
    --firmware "${CMAKE_SOURCE_DIR}/examples/firmware")
add_test(NAME "package: tests of a CTest suite fail on what they leak, and as themselves on what else is wrong"
  COMMAND ${Python3_EXECUTABLE} "${CMAKE_SOURCE_DIR}/tests/package/run_suite.py"
    --build "${CMAKE_BINARY_DIR}" --suite "${CMAKE_SOURCE_DIR}/tests/package/suite")
set_tests_properties("package: tests of a CTest suite fail on what they leak, and as themselves on what else is wrong"
  PROPERTIES TIMEOUT 300)
