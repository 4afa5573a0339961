# Compiler flags, ccache, linker and sanitizers.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND};-E;env;CCACHE_BASEDIR=${CMAKE_SOURCE_DIR};CCACHE_NOHASHDIR=1;CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime;${CCACHE_PROGRAM}")
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

# -g1 keeps line tables for stack traces at a fifth of the size of -g.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -fno-omit-frame-pointer")

if(BROADSIDE_SANITIZE)
  add_compile_options(-fsanitize=${BROADSIDE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BROADSIDE_SANITIZE})
  if(BROADSIDE_SANITIZE MATCHES "thread")
    # g++ warns about a fence inside Asio that the sanitizer does not model.
    add_compile_options(-Wno-tsan)
  endif()
endif()
if(BROADSIDE_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()

# Warnings are for our own sources; libraries are system headers and generated code is exempt.
add_library(broadside_warnings INTERFACE)
target_compile_options(broadside_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wconversion
  -Wno-sign-conversion -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(broadside_warnings INTERFACE -Wthread-safety -Wno-c99-designator)
else()
  # g++ 12 reports members that designated initialisers leave at their defaults.
  target_compile_options(broadside_warnings INTERFACE -Wno-missing-field-initializers)
endif()
