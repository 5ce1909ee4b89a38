# `find_package(unpaired)`: the headers, for programs that use owner scopes and marks or read traces, and
# unpaired_wrap() for firmware, whose sources are in share/unpaired/wraplib, and unpaired_add_test() for test suites.
# The build tree has it at the same place as the installed one, so that -Dunpaired_DIR=BUILD/lib/cmake/unpaired will do.
include(CMakePackageConfigHelpers)
install(TARGETS unpaired_headers EXPORT unpaired_targets)
set_target_properties(unpaired_headers PROPERTIES EXPORT_NAME headers)
install(EXPORT unpaired_targets NAMESPACE unpaired:: FILE unpairedTargets.cmake
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/unpaired")
set(UNPAIRED_WRAPLIB_DESTINATION "${CMAKE_INSTALL_DATADIR}/unpaired/wraplib")
set(package "${CMAKE_BINARY_DIR}/${CMAKE_INSTALL_LIBDIR}/cmake/unpaired")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/unpairedConfig.cmake.in"
  "${package}/unpairedConfig.cmake" INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/unpaired"
  PATH_VARS UNPAIRED_WRAPLIB_DESTINATION)
write_basic_package_version_file("${package}/unpairedConfigVersion.cmake" COMPATIBILITY SameMinorVersion
  ARCH_INDEPENDENT) # firmware of any word size takes the sources
export(EXPORT unpaired_targets NAMESPACE unpaired:: FILE "${package}/unpairedTargets.cmake")
file(COPY "${CMAKE_SOURCE_DIR}/wraplib/cmake/UnpairedWrap.cmake" "${CMAKE_CURRENT_LIST_DIR}/UnpairedTest.cmake"
  DESTINATION "${package}")
install(FILES "${package}/unpairedConfig.cmake" "${package}/unpairedConfigVersion.cmake"
    "${CMAKE_CURRENT_LIST_DIR}/UnpairedTest.cmake"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/unpaired")
