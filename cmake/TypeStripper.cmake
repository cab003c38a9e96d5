# TypeScript in the load engine: scripts/fetch-type-stripper bundles the locked npm package, src/engine/js embeds it.
set(TYPE_STRIPPER_DIR ${CMAKE_SOURCE_DIR}/build/_deps/type-stripper)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/scripts/fetch-type-stripper ${CMAKE_SOURCE_DIR}/web/typescript/package-lock.json
  ${CMAKE_SOURCE_DIR}/web/typescript/strip.mjs)
execute_process(COMMAND ${CMAKE_SOURCE_DIR}/scripts/fetch-type-stripper ${TYPE_STRIPPER_DIR} RESULT_VARIABLE type_stripper_fetched)
if(NOT type_stripper_fetched EQUAL 0)
  message(FATAL_ERROR "The TypeScript stripper could not be made; the message above says why")
endif()
