# Compiler settings of every target of ours, and the tools that make builds quick where they are installed.
add_library(gauntlet_options INTERFACE)
target_compile_options(gauntlet_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual)
if(NOT GAUNTLET_FUZZ)
  target_compile_options(gauntlet_options INTERFACE -Werror)  # g++ 12 is the compiler whose warnings are heeded
endif()
if(GAUNTLET_UNITY)
  target_compile_options(gauntlet_options INTERFACE -Wno-subobject-linkage)  # takes an included .cpp for a header
endif()
target_include_directories(gauntlet_options INTERFACE ${CMAKE_SOURCE_DIR}/src)

if(GAUNTLET_SANITIZE)
  add_compile_options(-fsanitize=${GAUNTLET_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  # A sanitizer's descriptors of globals are a third of a program's bytes as relocations, and its debug information another tenth.
  add_link_options(-fsanitize=${GAUNTLET_SANITIZE} -no-pie -Wl,--compress-debug-sections=zlib)
  if(GAUNTLET_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
    add_compile_definitions(__SANITIZE_ADDRESS__)  # as GCC says it; clang has words of its own, which nobody here asks for
    target_compile_options(gauntlet_options INTERFACE -w)
  else()
    # GCC 12 reports false positives of these under sanitizers.
    target_compile_options(gauntlet_options INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow)
  endif()
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Paths below the checkout count as relative, so that one clone's objects serve the next.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()
