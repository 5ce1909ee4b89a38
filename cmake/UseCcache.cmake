# ccache where it is installed, unless the caller chose a launcher.
find_program(UNPAIRED_CCACHE ccache)
if(UNPAIRED_CCACHE)
  foreach(language IN ITEMS C CXX)
    if(NOT CMAKE_${language}_COMPILER_LAUNCHER)
      set(CMAKE_${language}_COMPILER_LAUNCHER "${UNPAIRED_CCACHE}")
    endif()
  endforeach()
endif()
