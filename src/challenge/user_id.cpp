#include "challenge/user_id.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace gauntlet::challenge {

bool is_user_id(std::string_view text) {
  constexpr auto kCharactersMax = 100;  // varchar(100)
  const auto characters = std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  const bool is_dots = text == "." || text == "..";
  return !text.empty() && !is_dots && characters <= kCharactersMax && base::is_text(text);
}

}  // namespace gauntlet::challenge
