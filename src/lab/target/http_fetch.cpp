#include "lab/target/http_fetch.hpp"

#include <fmt/format.h>

namespace gauntlet::lab {

base::Expected<FetchedPage> HttpFetcher::fetch(const Request& request) {
  curl_->begin(request.url, request.headers, request.timeout);
  const bool is_here = request.url.find("127.0.0.1") != std::string::npos || request.url.find("localhost") != std::string::npos;
  if (is_here) curl_->set(CURLOPT_PROXY, "");
  if (!request.post.empty()) curl_->send_body(request.post);
  if (!request.method.empty()) curl_->set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  FetchedPage page;
  const auto status = curl_->perform(page.body);
  if (!status) return base::fail(status.error().kind, fmt::format("{}: {}", request.url, status.error().message));
  page.status = *status;
  return page;
}

base::Expected<std::string> HttpFetcher::body_of(const Request& request) {
  auto page = TRY(fetch(request));
  if (page.status == 200) return std::move(page.body);
  return base::fail(base::ErrorKind::unavailable, fmt::format("{}: answered {}: {}", request.url, page.status, page.body.substr(0, 200)));
}

}  // namespace gauntlet::lab
