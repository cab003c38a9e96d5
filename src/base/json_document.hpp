#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace gauntlet::base {

/// A document of nlohmann's as text, on one line or with so many blanks a level. What is no UTF-8 in it (a variable of the environment,
/// a file's name) is replaced by U+FFFD; dump() alone throws.
template <class Json>
std::string json_text(const Json& document, int indentation = -1) {
  return document.dump(indentation, ' ', false, Json::error_handler_t::replace);
}

}  // namespace gauntlet::base
