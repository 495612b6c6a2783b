# For tests/chaos alone: crash points in the worker, and bugs planted to see whether the tests notice. Programs built so
# say it in their version and cannot be installed.
option(TB_FAULTS "Compile crash points into the worker (tests/chaos)" OFF)
set(TB_PLANT "" CACHE STRING "Compile one planted bug in (tests/chaos/plant-all)")
set(TB_PLANTS reload-and-go-on stop-when-fenced watermark-by-maximum no-lock-timeouts no-watch derived-only-unblock
  wrong-partition-applied send-again-after-producer-timeout direct-replay publish-before-commit)

if(TB_PLANT AND NOT TB_FAULTS)
  message(FATAL_ERROR "TB_PLANT needs TB_FAULTS")
endif()
if(TB_PLANT AND NOT TB_PLANT IN_LIST TB_PLANTS)
  message(FATAL_ERROR "TB_PLANT=${TB_PLANT}: one of ${TB_PLANTS}")
endif()

set(TB_VERSION_SUFFIX "")
if(TB_FAULTS)
  string(TOUPPER "${TB_PLANT}" planted)
  string(REPLACE "-" "_" planted "${planted}")
  add_compile_definitions(TB_FAULTS)
  set(TB_VERSION_SUFFIX "+faults")
  if(TB_PLANT)
    add_compile_definitions(TB_PLANT_${planted})
    set(TB_VERSION_SUFFIX "+planted-${TB_PLANT}")
  endif()
  install(CODE "message(FATAL_ERROR \"built with TB_FAULTS: for tests only\")")
endif()
