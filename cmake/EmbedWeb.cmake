# tb_embed_web(OUT_C DIR): at build time, writes a C file that holds the files of DIR, the board.
# Run as a script (cmake -P) it does the writing: -DDIR= -DOUT=.
if(CMAKE_SCRIPT_MODE_FILE)
  file(GLOB files "${DIR}/*.html" "${DIR}/*.css" "${DIR}/*.js" "${DIR}/*.svg")
  list(SORT files)
  set(text "/* Generated from gateway/web; do not edit. */\n#include \"gateway/http/web.h\"\n")
  set(rows "")
  set(count 0)
  foreach(path IN LISTS files)
    get_filename_component(name "${path}" NAME)
    file(READ "${path}" hex HEX)
    file(SHA256 "${path}" hash)
    string(SUBSTRING "${hash}" 0 32 hash)
    string(REGEX REPLACE "(................................................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(APPEND text "static const unsigned char file_${count}[] = {\n${bytes}0};\n")
    string(APPEND rows "    {\"${name}\", \"\\\"${hash}\\\"\", (const char *)file_${count}, sizeof file_${count} - 1},\n")
    math(EXPR count "${count} + 1")
  endforeach()
  string(APPEND text "const struct tb_web_file tb_web_files[] = {\n${rows}};\nconst size_t tb_web_nfiles = ${count};\n")
  file(WRITE "${OUT}" "${text}")
  return()
endif()

set(TB_EMBED_WEB_SCRIPT "${CMAKE_CURRENT_LIST_FILE}")
function(tb_embed_web out dir)
  file(GLOB files CONFIGURE_DEPENDS "${dir}/*")
  add_custom_command(
    OUTPUT "${out}"
    COMMAND ${CMAKE_COMMAND} -DDIR=${dir} -DOUT=${out} -P "${TB_EMBED_WEB_SCRIPT}"
    DEPENDS ${files} "${TB_EMBED_WEB_SCRIPT}"
    COMMENT "Embedding the board"
    VERBATIM)
endfunction()
