#pragma once
// For servers on a person's machine that ask for no login (the live page): whatever page that
// person's browser shows could talk to them, too. By a name of its own that it has point at this machine (DNS rebinding),
// or by a request to another site, which browsers make without asking when it looks like a form's.
#include <optional>

#include "base/http/request.hpp"
#include "base/http/response.hpp"

namespace gauntlet::base::http {

/// The answer for a request that a page of another site may have made; nothing for all others:
///   403 when Host is neither an address, nor localhost, nor the name of this machine, or Origin is not that host;
///   415 when something is to be changed by a body that is not JSON.
/// Programs send no Origin, so curl and the like notice only the last.
std::optional<Response> refuse_other_site(const Request& request);

}  // namespace gauntlet::base::http
