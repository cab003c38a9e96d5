# The Debian package: cpack -G DEB (scripts/package). Programs in /usr/bin, what a stack needs in /usr/share/gauntlet: a
# folder to copy and work in.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # the tests need not be built for it
install(TARGETS gauntlet challenge-service challenge-event-handler RUNTIME DESTINATION bin)
install(CODE "file(CREATE_LINK gauntlet \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/bin/k6\" SYMBOLIC)")
install(DIRECTORY ${CMAKE_SOURCE_DIR}/config ${CMAKE_SOURCE_DIR}/migrations ${CMAKE_SOURCE_DIR}/proto DESTINATION share/gauntlet)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/test/k6 ${CMAKE_SOURCE_DIR}/test/scripts DESTINATION share/gauntlet/test USE_SOURCE_PERMISSIONS)
install(FILES ${CMAKE_SOURCE_DIR}/.env.example DESTINATION share/gauntlet)
install(FILES ${CMAKE_SOURCE_DIR}/types/gauntlet.d.ts DESTINATION share/gauntlet/types)
install(FILES ${CMAKE_SOURCE_DIR}/test/README.md DESTINATION share/gauntlet/test)
# Written by the program itself, so that they cannot be older than it.
install(CODE "
  foreach(page \"manual;share/man/man1/gauntlet.1\" \"completion bash;share/bash-completion/completions/gauntlet\"
               \"completion zsh;share/zsh/vendor-completions/_gauntlet\")
    list(GET page 0 words)
    list(GET page 1 file)
    separate_arguments(words)
    set(file \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/\${file}\")
    cmake_path(GET file PARENT_PATH folder)
    file(MAKE_DIRECTORY \${folder})
    execute_process(COMMAND $<TARGET_FILE:gauntlet> \${words} OUTPUT_FILE \${file} COMMAND_ERROR_IS_FATAL ANY)
  endforeach()")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME gauntlet)
set(CPACK_PACKAGE_VENDOR Gauntlet)
set(CPACK_PACKAGE_CONTACT "Gauntlet <gauntlet@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "challenge backend for games, and the load lab that finds its limits")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "postgresql-15, redis-server")
set(CPACK_DEBIAN_COMPRESSION_TYPE gzip)
include(CPack)
