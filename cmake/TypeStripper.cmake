# TypeScript in the load engine: scripts/install-deps fetches and bundles the locked npm package, src/engine/script embeds it.
set(TYPE_STRIPPER_DIR ${CMAKE_SOURCE_DIR}/build/_deps/type-stripper)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/scripts/fetch-type-stripper ${CMAKE_SOURCE_DIR}/web/typescript/package-lock.json
  ${CMAKE_SOURCE_DIR}/web/typescript/strip.mjs)
execute_process(COMMAND ${CMAKE_COMMAND} -E env GAUNTLET_OFFLINE=1 ${CMAKE_SOURCE_DIR}/scripts/fetch-type-stripper ${TYPE_STRIPPER_DIR} RESULT_VARIABLE type_stripper_fetched)
if(NOT type_stripper_fetched EQUAL 0)
  message(FATAL_ERROR "The TypeScript stripper is not here; the message above says why")
endif()
