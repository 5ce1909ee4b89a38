# The component of ESP-IDF. Settings: idf.py -DUNPAIRED_FAMILIES="esp;freertos;lwip" -DUNPAIRED_SINK=uart
set(UNPAIRED_FAMILIES "esp;freertos;lwip" CACHE STRING "what unpaired follows")
set(UNPAIRED_SINK "" CACHE STRING "a file of wraplib/ports/sinks; empty for none")
file(GLOB sources "${CMAKE_CURRENT_LIST_DIR}/src/*.c" "${CMAKE_CURRENT_LIST_DIR}/ports/espidf/*.c")
if(UNPAIRED_SINK)
  list(APPEND sources "${CMAKE_CURRENT_LIST_DIR}/ports/sinks/${UNPAIRED_SINK}.c")
endif()
idf_component_register(SRCS ${sources} INCLUDE_DIRS include PRIV_REQUIRES freertos heap esp_timer
  WHOLE_ARCHIVE) # in an archive the first definition of a port function would win, not the one that is not weak
include("${CMAKE_CURRENT_LIST_DIR}/cmake/UnpairedWrap.cmake")
unpaired_wrap_file("${CMAKE_CURRENT_BINARY_DIR}/unpaired_wrap.rsp" definitions ${UNPAIRED_FAMILIES})
target_compile_definitions(${COMPONENT_LIB} PUBLIC UNPAIRED_LINKED PRIVATE ${definitions})
target_compile_options(${COMPONENT_LIB} PRIVATE -fno-lto)
target_link_options(${COMPONENT_LIB} INTERFACE "-Wl,@${CMAKE_CURRENT_BINARY_DIR}/unpaired_wrap.rsp" -Wl,--build-id)
