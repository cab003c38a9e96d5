#pragma once
// GET /apidocs/ (a page to read and try the REST API with) and /apidocs/api.json (its OpenAPI 2 document). No token is
// needed, and the page's own policy forbids it to speak to any host but this one.
#include <string>

#include "base/http/router.hpp"

namespace gauntlet::service {

/// Adds the routes below `base_path`. `tokens`: players show tokens, which the document says.
void add_api_docs(base::http::Router& router, const std::string& base_path, bool tokens);

}  // namespace gauntlet::service
