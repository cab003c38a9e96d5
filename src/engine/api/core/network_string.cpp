#include "engine/api/core/network_string.hpp"

#include <simdjson.h>

#include <string>

#include "base/utf8.hpp"
#include "engine/script/json/text.hpp"

namespace gauntlet::engine::api {

JSValue new_network_string(JSContext* context, std::string_view bytes) {
  if (simdjson::validate_utf8(bytes.data(), bytes.size())) return json::new_utf8_string(context, bytes);
  std::string clean;
  clean.reserve(bytes.size() + 16);
  for (std::size_t i = 0; i < bytes.size();) {
    // Every byte that does not start a well-formed sequence is replaced on its own.
    if (const std::size_t length = base::utf8_length(bytes, i); length != 0) {
      clean.append(bytes.substr(i, length));
      i += length;
    } else {
      clean += "\xef\xbf\xbd";
      ++i;
    }
  }
  return json::new_utf8_string(context, clean);
}

}  // namespace gauntlet::engine::api
