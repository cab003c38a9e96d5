#pragma once
// Which Content-Encoding a client wants (RFC 9110, section 12.5.3).
#include <initializer_list>
#include <string_view>

#include "base/http/request.hpp"

namespace gauntlet::base::http {

/// The coding of `offered` (lower-case names, best first) that Accept-Encoding values highest; among equals the earlier
/// one. Empty: send the text as it is, because there is no such header, none of them is wanted, or `identity` is valued
/// higher.
std::string_view accepted_coding(const Request& request, std::initializer_list<std::string_view> offered);

}  // namespace gauntlet::base::http
