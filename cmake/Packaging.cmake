# `find_package(unpaired)` for programs that use the headers (owner scopes, marks) or read traces.
# The wrap library and unpaired_wrap() join this package with the firmware work; until then they are not in it.
include(CMakePackageConfigHelpers)
install(TARGETS unpaired_headers EXPORT unpaired_targets)
set_target_properties(unpaired_headers PROPERTIES EXPORT_NAME headers)
install(EXPORT unpaired_targets NAMESPACE unpaired:: FILE unpairedTargets.cmake
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/unpaired")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/unpairedConfig.cmake.in"
  "${CMAKE_BINARY_DIR}/unpairedConfig.cmake" INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/unpaired")
write_basic_package_version_file("${CMAKE_BINARY_DIR}/unpairedConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/unpairedConfig.cmake" "${CMAKE_BINARY_DIR}/unpairedConfigVersion.cmake"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/unpaired")
