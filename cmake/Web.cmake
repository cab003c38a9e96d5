# The live page: web/ bundled by esbuild into one HTML file, which src/engine/sinks/page/page.cpp takes in.
set(WEB_DEPENDENCIES ${CMAKE_SOURCE_DIR}/build/_deps/web)
set(GAUNTLET_PAGE_FILE ${CMAKE_BINARY_DIR}/web/page.html)
file(GLOB WEB_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/src/* ${CMAKE_SOURCE_DIR}/web/page.html)
set(WEB_INPUTS ${CMAKE_SOURCE_DIR}/scripts/build-web ${CMAKE_SOURCE_DIR}/scripts/fetch-web ${CMAKE_SOURCE_DIR}/scripts/node.requirements
  ${CMAKE_SOURCE_DIR}/web/package.json ${CMAKE_SOURCE_DIR}/web/package-lock.json)
add_custom_command(OUTPUT ${GAUNTLET_PAGE_FILE}
  COMMAND ${CMAKE_COMMAND} -E env GAUNTLET_OFFLINE=1 ${CMAKE_SOURCE_DIR}/scripts/build-web ${GAUNTLET_PAGE_FILE} ${WEB_DEPENDENCIES}
  DEPENDS ${WEB_SOURCES} ${WEB_INPUTS}
  COMMENT "Bundling the live page" VERBATIM)
