# tb_embed_migrations(OUT_C DIR): at build time, writes a C file that holds the numbered migrations of DIR.
# Run as a script (cmake -P) it does the writing: -DDIR= -DOUT=.
if(CMAKE_SCRIPT_MODE_FILE)
  file(GLOB ups "${DIR}/*.up.sql")
  list(SORT ups)
  set(text "/* Generated from sql/migrations; do not edit. */\n#include \"producer/ctl/migrations.h\"\n")
  set(rows "")
  set(count 0)
  foreach(up IN LISTS ups)
    math(EXPR count "${count} + 1")
    get_filename_component(base "${up}" NAME)
    if(NOT base MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)\\.up\\.sql$")
      message(FATAL_ERROR "${base}: a migration is named NNNN_name.up.sql")
    endif()
    set(number "${CMAKE_MATCH_1}")
    set(name "${CMAKE_MATCH_2}")
    string(REGEX REPLACE "^0+" "" plain "${number}")
    if(NOT plain EQUAL count)
      message(FATAL_ERROR "${base}: numbers start at 0001 and have no gaps")
    endif()
    if(NOT EXISTS "${DIR}/${number}_${name}.down.sql")
      message(FATAL_ERROR "${base}: ${number}_${name}.down.sql is missing")
    endif()
    foreach(way up down)
      file(READ "${DIR}/${number}_${name}.${way}.sql" hex HEX)
      string(REGEX REPLACE "(................................................................)" "\\1\n" hex "${hex}")
      string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
      string(APPEND text "static const char ${way}_${number}[] = {\n${bytes}0};\n")
    endforeach()
    string(APPEND rows "    {${plain}, \"${name}\", up_${number}, down_${number}},\n")
  endforeach()
  string(APPEND text "const struct ctl_migration ctl_migrations[] = {\n${rows}};\n"
                     "const size_t ctl_nmigrations = ${count};\n")
  file(WRITE "${OUT}" "${text}")
  return()
endif()

set(TB_EMBED_SQL_SCRIPT "${CMAKE_CURRENT_LIST_FILE}")
function(tb_embed_migrations out dir)
  file(GLOB files CONFIGURE_DEPENDS "${dir}/*.sql")
  add_custom_command(
    OUTPUT "${out}"
    COMMAND ${CMAKE_COMMAND} -DDIR=${dir} -DOUT=${out} -P "${TB_EMBED_SQL_SCRIPT}"
    DEPENDS ${files} "${TB_EMBED_SQL_SCRIPT}"
    COMMENT "Embedding migrations"
    VERBATIM)
endfunction()
