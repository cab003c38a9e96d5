#pragma once

#include <string_view>

namespace gauntlet::challenge {

/// A player's id as the tables can hold it: 1 to 100 characters of well-formed UTF-8 without NUL; and as an address can: not "." or "..",
/// which there mean another place.
bool is_user_id(std::string_view text);

}  // namespace gauntlet::challenge
