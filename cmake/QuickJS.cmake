# QuickJS-ng has no Debian 12 package: scripts/install-deps fetches the pinned source distribution, with its hash;
# here it is unpacked and patched.
set(QUICKJS_DIR ${CMAKE_SOURCE_DIR}/build/_deps/quickjs)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/scripts/fetch-quickjs ${CMAKE_SOURCE_DIR}/scripts/quickjs.requirements)
file(GLOB QUICKJS_PATCHES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/engine/script/patches/*.patch)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${QUICKJS_PATCHES})
execute_process(COMMAND ${CMAKE_COMMAND} -E env GAUNTLET_OFFLINE=1 ${CMAKE_SOURCE_DIR}/scripts/fetch-quickjs ${QUICKJS_DIR} RESULT_VARIABLE quickjs_fetched)
if(NOT quickjs_fetched EQUAL 0)
  message(FATAL_ERROR "QuickJS-ng could not be unpacked; the message above says why")
endif()
add_library(quickjs STATIC
  ${QUICKJS_DIR}/quickjs.c ${QUICKJS_DIR}/libregexp.c ${QUICKJS_DIR}/libunicode.c ${QUICKJS_DIR}/dtoa.c)
target_include_directories(quickjs SYSTEM PUBLIC ${QUICKJS_DIR})
set_target_properties(quickjs PROPERTIES C_STANDARD 11 C_EXTENSIONS ON)
target_compile_definitions(quickjs PRIVATE _GNU_SOURCE)
target_compile_options(quickjs PRIVATE -w -funsigned-char)
# The interpreter is one big function: -O3 and a register more are worth 12 % of its time. Tests under sanitizers hardly
# notice, and it would be two minutes of compiling; fuzzing lasts long enough to be worth it.
if(NOT GAUNTLET_SANITIZE OR GAUNTLET_FUZZ)
  target_compile_options(quickjs PRIVATE -O3 -fomit-frame-pointer)
endif()
target_link_libraries(quickjs PUBLIC m Threads::Threads)
