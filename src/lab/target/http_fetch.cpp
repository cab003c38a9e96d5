#include "lab/target/http_fetch.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <mutex>

namespace gauntlet::lab {

struct HttpFetcher::State {
  CURL* handle = nullptr;
};

namespace {

std::size_t append(char* data, std::size_t size, std::size_t count, void* body) {
  static_cast<std::string*>(body)->append(data, size * count);
  return size * count;
}

}  // namespace

HttpFetcher::HttpFetcher() : state_(std::make_unique<State>()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  state_->handle = curl_easy_init();
}
HttpFetcher::~HttpFetcher() {
  if (state_) curl_easy_cleanup(state_->handle);
}
HttpFetcher::HttpFetcher(HttpFetcher&&) noexcept = default;
HttpFetcher& HttpFetcher::operator=(HttpFetcher&&) noexcept = default;

base::Expected<FetchedPage> HttpFetcher::fetch(const Request& request) {
  CURL* const handle = state_->handle;
  curl_easy_reset(handle);  // keeps the connections
  FetchedPage page;
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(nullptr, &curl_slist_free_all);
  for (const auto& header : request.headers) headers.reset(curl_slist_append(headers.release(), header.c_str()));
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_PROXY,
                   request.url.find("127.0.0.1") != std::string::npos || request.url.find("localhost") != std::string::npos ? "" : nullptr);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &append);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &page.body);
  if (!request.post.empty()) {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.post.data());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.post.size()));
  }
  if (!request.method.empty()) curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  const CURLcode code = curl_easy_perform(handle);
  if (code != CURLE_OK) return base::fail(base::ErrorKind::unavailable, fmt::format("{}: {}", request.url, curl_easy_strerror(code)));
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  page.status = static_cast<int>(status);
  return page;
}

base::Expected<std::string> HttpFetcher::body_of(const Request& request) {
  auto page = fetch(request);
  if (!page) return tl::unexpected(page.error());
  if (page->status == 200) return std::move(page->body);
  return base::fail(base::ErrorKind::unavailable, fmt::format("{}: answered {}: {}", request.url, page->status, page->body.substr(0, 200)));
}

}  // namespace gauntlet::lab
