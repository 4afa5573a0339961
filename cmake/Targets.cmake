include(GoogleTest)

# Builds every test program and what it needs, and nothing else.
add_custom_target(broadside_tests)

# broadside_library(name DEPS a b ...): a library of every .cc beside the CMakeLists.txt.
# With no .cc it is header-only. DEPS are the only folders whose headers it may include.
function(broadside_library name)
  cmake_parse_arguments(ARG "" "" "DEPS;EXCLUDE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  foreach(excluded ${ARG_EXCLUDE})
    list(REMOVE_ITEM sources "${CMAKE_CURRENT_SOURCE_DIR}/${excluded}")
  endforeach()
  if(sources)
    add_library(broadside_${name} STATIC ${sources})
    target_include_directories(broadside_${name} PUBLIC "${CMAKE_SOURCE_DIR}")
    target_link_libraries(broadside_${name} PUBLIC ${ARG_DEPS} PRIVATE broadside_warnings)
  else()
    add_library(broadside_${name} INTERFACE)
    target_include_directories(broadside_${name} INTERFACE "${CMAKE_SOURCE_DIR}")
    target_link_libraries(broadside_${name} INTERFACE ${ARG_DEPS})
  endif()
  add_library(broadside::${name} ALIAS broadside_${name})
endfunction()

# broadside_test(name DEPS a b ... [LABELS l ...]): one GoogleTest program of every *_test.cc beside the
# CMakeLists.txt; each TEST is a ctest test. Label "grpc" keeps a program out of the TSan build.
function(broadside_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "DEPS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if("grpc" IN_LIST ARG_LABELS AND BROADSIDE_SANITIZE MATCHES "thread")
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  add_dependencies(broadside_tests ${name})
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} broadside_warnings GTest::gmock GTest::gtest GTest::gtest_main)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
    PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()

# broadside_add_tests(folder): adds every folder below it that has a CMakeLists.txt, so that no test can be forgotten. Those that
# tests/CMakeLists.txt has added by name are left alone.
function(broadside_add_tests folder)
  get_property(added DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/tests" PROPERTY SUBDIRECTORIES)
  file(GLOB_RECURSE listings CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/CMakeLists.txt")
  foreach(listing ${listings})
    cmake_path(GET listing PARENT_PATH path)
    if(NOT path IN_LIST added)
      add_subdirectory("${path}")
    endif()
  endforeach()
endfunction()
