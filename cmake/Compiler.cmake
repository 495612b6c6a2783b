# One place for language level, warnings and instrumentation; every target links tb_flags.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

add_library(tb_flags INTERFACE)
target_include_directories(tb_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(tb_flags INTERFACE _GNU_SOURCE TB_VERSION="${PROJECT_VERSION}${TB_VERSION_SUFFIX}")
target_compile_options(tb_flags INTERFACE
  -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wpointer-arith -Wcast-qual -Wwrite-strings -Wswitch-enum -Wundef -Wformat=2 -Wvla
  -fno-common -fstack-protector-strong)
if(TB_WERROR)
  target_compile_options(tb_flags INTERFACE -Werror)
endif()
if(TB_SANITIZE)
  target_compile_options(tb_flags INTERFACE
    -fsanitize=${TB_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(tb_flags INTERFACE -fsanitize=${TB_SANITIZE})
endif()
if(TB_COVERAGE)
  target_compile_options(tb_flags INTERFACE --coverage -O0)
  target_link_options(tb_flags INTERFACE --coverage)
endif()
