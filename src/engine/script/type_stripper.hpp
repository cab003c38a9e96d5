#pragma once
// TypeScript to JavaScript by taking the types off (sucrase, web/typescript), with every line and column where it was.
// Enums and parameter properties become code; namespaces with code are refused.
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace gauntlet::engine::script {

/// The JavaScript of `text`; `url` is for messages. Thread-safe; about 100 ms the first time in a process, then about
/// a millisecond for a thousand lines. An error says line and column, as " Line 3:7 Unexpected token".
base::Expected<std::string> strip_types(std::string_view text, const std::string& url);

}  // namespace gauntlet::engine::script
