#pragma once
// UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF.
#include <cstddef>
#include <string_view>

namespace gauntlet::base {

/// Bytes of the well-formed sequence that begins at `at`; 0 where none does.
std::size_t utf8_length(std::string_view text, std::size_t at);

/// Of well-formed text, as a varchar(n) counts them.
std::size_t count_characters(std::string_view text);

bool is_utf8(std::string_view text);

}  // namespace gauntlet::base
