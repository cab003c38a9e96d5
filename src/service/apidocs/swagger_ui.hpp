#pragma once
// Swagger UI's files inside this program, so that the page at /apidocs/ asks no other host for anything. They come from
// the npm package that web/apidocs/package-lock.json names (Apache-2.0), compressed by scripts/fetch-swagger-ui.
#include <string_view>

namespace gauntlet::service {

/// swagger-ui-bundle.js as one gzip member.
std::string_view swagger_ui_script();
/// swagger-ui.css as one gzip member.
std::string_view swagger_ui_style();

}  // namespace gauntlet::service
