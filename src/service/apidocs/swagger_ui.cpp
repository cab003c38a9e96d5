#include "service/apidocs/swagger_ui.hpp"

// The assembler copies the files; a byte array in C++ source would take the compiler seconds and a gigabyte.
#define EMBED(symbol, path)                                                 \
  asm(".section .rodata\n" #symbol "_begin: .incbin \"" path "\"\n" #symbol \
      "_end: .byte 0\n"                                                     \
      ".previous\n");                                                       \
  extern "C" const char symbol##_begin[], symbol##_end[]

EMBED(gauntlet_swagger_ui_script, GAUNTLET_SWAGGER_UI_DIR "/swagger-ui-bundle.js.gz");
EMBED(gauntlet_swagger_ui_style, GAUNTLET_SWAGGER_UI_DIR "/swagger-ui.css.gz");

namespace gauntlet::service {

std::string_view swagger_ui_script() { return {gauntlet_swagger_ui_script_begin, gauntlet_swagger_ui_script_end}; }
std::string_view swagger_ui_style() { return {gauntlet_swagger_ui_style_begin, gauntlet_swagger_ui_style_end}; }

}  // namespace gauntlet::service
