# `find_package(unpaired)`: the headers, for programs that use owner scopes and marks or read traces, and
# unpaired_wrap() for firmware, whose sources are in share/unpaired/wraplib.
include(CMakePackageConfigHelpers)
install(TARGETS unpaired_headers EXPORT unpaired_targets)
set_target_properties(unpaired_headers PROPERTIES EXPORT_NAME headers)
install(EXPORT unpaired_targets NAMESPACE unpaired:: FILE unpairedTargets.cmake
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/unpaired")
set(UNPAIRED_WRAPLIB_DESTINATION "${CMAKE_INSTALL_DATADIR}/unpaired/wraplib")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/unpairedConfig.cmake.in"
  "${CMAKE_BINARY_DIR}/unpairedConfig.cmake" INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/unpaired"
  PATH_VARS UNPAIRED_WRAPLIB_DESTINATION)
write_basic_package_version_file("${CMAKE_BINARY_DIR}/unpairedConfigVersion.cmake" COMPATIBILITY SameMinorVersion
  ARCH_INDEPENDENT) # firmware of any word size takes the sources
install(FILES "${CMAKE_BINARY_DIR}/unpairedConfig.cmake" "${CMAKE_BINARY_DIR}/unpairedConfigVersion.cmake"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/unpaired")
