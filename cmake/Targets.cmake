# tb_library(NAME SOURCES ... [DEPS ...]): a static library of ours with the project's flags.
function(tb_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC tb_flags ${ARG_DEPS})
endfunction()

# tb_program(NAME SOURCES ... [DEPS ...]): an installed program of ours.
function(tb_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE tb_flags ${ARG_DEPS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# tb_unit_test(NAME [THREADS] SOURCES ... [DEPS ...]): a cmocka executable registered with ctest. THREADS: it starts
# threads, so it also runs under ThreadSanitizer (label `threads`).
function(tb_unit_test name)
  cmake_parse_arguments(ARG "THREADS" "" "SOURCES;DEPS" ${ARGN})
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE tb_flags ${ARG_DEPS} PkgConfig::CMOCKA)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  if(ARG_THREADS)
    set_tests_properties(${name} PROPERTIES LABELS threads)
  endif()
endfunction()
