#pragma once
// The OpenAPI 2 document of the REST routes: operations from one table, messages from the descriptors of
// proto/service.proto, so that a field cannot be served and yet be missing here.
#include <string>

namespace gauntlet::service {

/// JSON. `base_path` is what every path begins with (BASE_PATH); "" for none. `tokens`: players show tokens; else the
/// player is header x-mock-user-id.
std::string openapi_document(const std::string& base_path, bool tokens);

}  // namespace gauntlet::service
