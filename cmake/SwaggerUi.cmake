# The page at /apidocs/: scripts/install-deps fetches the locked npm package, src/service/apidocs embeds it.
set(SWAGGER_UI_DIR ${CMAKE_SOURCE_DIR}/build/_deps/swagger-ui)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/scripts/fetch-swagger-ui ${CMAKE_SOURCE_DIR}/web/apidocs/package-lock.json)
execute_process(COMMAND ${CMAKE_COMMAND} -E env GAUNTLET_OFFLINE=1 ${CMAKE_SOURCE_DIR}/scripts/fetch-swagger-ui ${SWAGGER_UI_DIR} RESULT_VARIABLE swagger_ui_fetched)
if(NOT swagger_ui_fetched EQUAL 0)
  message(FATAL_ERROR "Swagger UI is not here; the message above says why")
endif()
