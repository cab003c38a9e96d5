#pragma once
// What stands behind a status in an HTTP/1.1 response.
#include <string_view>

namespace gauntlet::base::http {

/// "Not Found" for 404, in Go's words where RFC 9110 has others (413, 414, 416, 422); empty for a number without a name.
std::string_view reason_phrase(int status);

}  // namespace gauntlet::base::http
