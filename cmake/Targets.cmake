# Compiles a target's files several at a time where GAUNTLET_UNITY is on: most of what one takes is library headers that
# its neighbours include too. Only files of one folder are put together, so that helpers in unnamed namespaces have to be
# distinct within their folder and nowhere else.
function(gauntlet_unity name)
  set(files_at_a_time 4)
  get_target_property(sources ${name} SOURCES)
  foreach(source ${sources})
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} OUTPUT_VARIABLE path)
    cmake_path(GET path PARENT_PATH folder)
    list(LENGTH files_of_${folder} position)
    list(APPEND files_of_${folder} ${source})
    math(EXPR batch "${position} / ${files_at_a_time}")
    string(MAKE_C_IDENTIFIER "${name}_${folder}_${batch}" group)
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${group})
  endforeach()
  set_target_properties(${name} PROPERTIES UNITY_BUILD ${GAUNTLET_UNITY} UNITY_BUILD_MODE GROUP)
endfunction()

# One target a folder: gauntlet_library(base DEPENDS ...) in src/base/CMakeLists.txt takes every .cpp below that
# folder, or below its folder FOLDER, except main.cpp. DEPENDS lists our targets (the dependency rule), LIBRARIES those of
# others. FILE_BY_FILE: no two files are compiled together.
function(gauntlet_library name)
  cmake_parse_arguments(ARG "FILE_BY_FILE" "FOLDER" "DEPENDS;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_FOLDER}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  if(sources)
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC gauntlet_options ${ARG_DEPENDS} ${ARG_LIBRARIES} PRIVATE ${ARG_PRIVATE_LIBRARIES})
    if(NOT ARG_FILE_BY_FILE)
      gauntlet_unity(${name})
    endif()
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE gauntlet_options ${ARG_DEPENDS} ${ARG_LIBRARIES})
  endif()
  if(CMAKE_VERIFY_INTERFACE_HEADER_SETS)  # all_verify_interface_header_sets compiles each header alone (tests/run's stage lint)
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_FOLDER}/*.hpp)
    target_sources(${name} INTERFACE FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR}/src FILES ${headers})
  endif()
endfunction()

# gauntlet_embed(lab contract_table FILE): the program carries the file's bytes, and #include "embedded/contract_table.hpp" has them as
# std::string_view gauntlet::embedded::contract_table(). The assembler copies them: an array in C++ source would take the compiler
# seconds and a gigabyte. A zero stands behind them, as some parsers want it.
function(gauntlet_embed target name file)
  set(stem ${CMAKE_CURRENT_BINARY_DIR}/embedded/${name})
  foreach(ending hpp cpp)
    configure_file(${CMAKE_SOURCE_DIR}/cmake/embedded.${ending}.in ${stem}.${ending} @ONLY)
  endforeach()
  set_source_files_properties(${stem}.cpp PROPERTIES OBJECT_DEPENDS ${file})
  target_sources(${target} PRIVATE ${stem}.cpp)
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()

# gauntlet_program(challenge-service MAIN main.cpp LIBRARIES service)
function(gauntlet_program name)
  cmake_parse_arguments(ARG "" "MAIN" "LIBRARIES" ${ARGN})
  add_executable(${name} ${ARG_MAIN})
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES})
endfunction()

# gauntlet_test(unit_base FOLDER base LIBRARIES base): one gtest program of every *_test.cpp below FOLDER.
function(gauntlet_test name)
  cmake_parse_arguments(ARG "" "FOLDER" "LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_FOLDER}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  # GoogleTest, RapidCheck and JSON's templates are most of what a test's file takes.
  set_target_properties(${name} PROPERTIES UNITY_BUILD ${GAUNTLET_UNITY} UNITY_BUILD_BATCH_SIZE 6)
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} test_paths GTest::gmock GTest::gtest_main ${RAPIDCHECK_LIBRARY})
  # Libraries are optimised; doing it to their tests takes the compiler as long as everything else of them. (An inline function of a
  # header that both have out of line is then the tests' copy.)
  target_compile_options(${name} PRIVATE -O0)
  add_test(NAME ${name} COMMAND ${name})
endfunction()
