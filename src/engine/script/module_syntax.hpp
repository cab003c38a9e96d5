#pragma once
// Tells an ES module from a CommonJS file by its text, as k6 does: a file is a module when it imports or exports.
#include <string_view>

namespace gauntlet::engine::script {

/// True when the text has an import declaration, an export declaration or import.meta outside strings, comments and
/// nested blocks. Knows templates and regular expressions well enough not to be fooled by their contents.
bool is_es_module(std::string_view text);

}  // namespace gauntlet::engine::script
