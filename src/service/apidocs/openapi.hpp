#pragma once
// The OpenAPI 2 document of the REST routes: operations from one table, messages from the descriptors of
// proto/service.proto, so that a field cannot be served and yet be missing here.
#include <string>

namespace gauntlet::service {

/// JSON. `base_path` is what every path begins with (BASE_PATH); "" for none.
std::string openapi_document(const std::string& base_path);

}  // namespace gauntlet::service
