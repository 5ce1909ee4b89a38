# Writes a C++ source that defines std::string_views in namespace unpaired with the text of files, run as
#
#   cmake -D OUT=FILE.cpp -D HEADER=INCLUDE -D TEXTS=NAME=FILE+FILE,NAME=FILE -P EmbedText.cmake
#
# HEADER declares them. Files of one name are joined.
function(embed_text text source)
  string(FIND "${text}" "=" equals)
  string(SUBSTRING "${text}" 0 ${equals} name)
  math(EXPR equals "${equals} + 1")
  string(SUBSTRING "${text}" ${equals} -1 files)
  string(REPLACE "+" ";" files "${files}")
  set(literals "")
  foreach(file IN LISTS files)
    file(READ "${file}" content)
    if(content MATCHES "\\)embedded\"")
      message(FATAL_ERROR "${file} holds what ends its string in C++")
    endif()
    string(APPEND literals "    R\"embedded(${content})embedded\"\n")
  endforeach()
  file(APPEND "${source}" "const std::string_view ${name} =\n${literals}    \"\";\n")
endfunction()

file(WRITE "${OUT}" "#include \"${HEADER}\"\n\nnamespace unpaired {\n")
string(REPLACE "," ";" texts "${TEXTS}")
foreach(text IN LISTS texts)
  embed_text("${text}" "${OUT}")
endforeach()
file(APPEND "${OUT}" "} // namespace unpaired\n")
