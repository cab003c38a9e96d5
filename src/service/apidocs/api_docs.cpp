#include "service/apidocs/api_docs.hpp"

#include "base/gzip.hpp"
#include "base/http/content_coding.hpp"
#include "embedded/swagger_ui_script.hpp"
#include "embedded/swagger_ui_style.hpp"
#include "service/apidocs/openapi.hpp"

namespace gauntlet::service {
namespace {

using base::http::Body;
using base::http::Coding;
using base::http::ExchangePtr;
using base::http::Response;

constexpr std::size_t kInflatedBytesMax = 16 * 1024 * 1024;

constexpr std::string_view kPage = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>challenge-service API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="swagger-ui-bundle.js"></script>
<script src="page.js"></script>
</body>
</html>
)";
// Without validatorUrl the page would send the document to a validator on another host.
constexpr std::string_view kPageScript =
    R"(window.onload = () => SwaggerUIBundle({url: "api.json", dom_id: "#page", validatorUrl: null, deepLinking: true});
)";
constexpr std::string_view kPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

void serve(base::http::Router& router, const std::string& path, std::string_view type, std::string_view text) {
  router.get(path, [type, text](const ExchangePtr& exchange) {
    Response response;
    response.content_type = type;
    response.body = Body::of_static(text);
    response.headers = {{"content-security-policy", std::string(kPolicy)}};
    exchange->respond(std::move(response));
  });
}

/// `member` is sent as it is to those who take gzip, and inflated for the others.
void serve_gzip(base::http::Router& router, const std::string& path, std::string_view type, std::string_view member) {
  router.get(path, [type, member](const ExchangePtr& exchange) {
    Response response;
    response.content_type = type;
    response.headers = {{"cache-control", "public, max-age=3600"}, {"vary", "accept-encoding"}};
    if (accepted_coding(exchange->request(), {Coding::gzip}) == Coding::gzip) {
      response.headers.emplace_back("content-encoding", "gzip");
      response.body = Body::of_static(member);
    } else {
      std::string text;
      base::Inflater(base::ZlibFormat::gzip).read(member, kInflatedBytesMax, text);
      response.body = Body(std::move(text));
    }
    exchange->respond(std::move(response));
  });
}

}  // namespace

void add_api_docs(base::http::Router& router, const std::string& base_path, bool tokens) {
  const std::string docs = base_path + "/apidocs";
  router.get(docs, [location = docs + "/"](const ExchangePtr& exchange) {
    Response response;
    response.status = 308;
    response.content_type = {};
    response.headers = {{"location", location}};
    exchange->respond(std::move(response));
  });
  serve(router, docs + "/", "text/html; charset=utf-8", kPage);
  serve(router, docs + "/page.js", "text/javascript; charset=utf-8", kPageScript);
  serve_gzip(router, docs + "/swagger-ui-bundle.js", "text/javascript; charset=utf-8", embedded::swagger_ui_script());
  serve_gzip(router, docs + "/swagger-ui.css", "text/css; charset=utf-8", embedded::swagger_ui_style());
  router.get(docs + "/api.json", [document = openapi_document(base_path, tokens)](const ExchangePtr& exchange) {
    Response response;
    response.body = Body(document);
    exchange->respond(std::move(response));
  });
}

}  // namespace gauntlet::service
