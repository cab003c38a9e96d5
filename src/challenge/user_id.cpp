#include "challenge/user_id.hpp"

#include "base/text.hpp"
#include "base/utf8.hpp"

namespace gauntlet::challenge {

bool is_user_id(std::string_view text) {
  constexpr std::size_t kCharactersMax = 100;  // varchar(100)
  const bool is_dots = text == "." || text == "..";
  return !text.empty() && !is_dots && base::count_characters(text) <= kCharactersMax && base::is_text(text);
}

}  // namespace gauntlet::challenge
