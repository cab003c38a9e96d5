#include "engine/output/http_push.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gauntlet::engine::output {
namespace {

/// Of a refusing receiver's words in messages.
constexpr std::size_t kMostReplyBytes = 200;

std::size_t keep_some(char* data, std::size_t size, std::size_t count, void* opaque) {
  auto& text = *static_cast<std::string*>(opaque);
  text.append(data, std::min(size * count, kMostReplyBytes - std::min(kMostReplyBytes, text.size())));
  return size * count;
}

class HttpCourier final : public Courier {
 public:
  explicit HttpCourier(PushTarget target) : target_(std::move(target)) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    handle_ = curl_easy_init();
    for (const std::string& header : target_.headers) headers_ = curl_slist_append(headers_, header.c_str());
    headers_ = curl_slist_append(headers_, "Expect:");
  }
  ~HttpCourier() override {
    curl_slist_free_all(headers_);
    curl_easy_cleanup(handle_);
    curl_global_cleanup();
  }
  HttpCourier(const HttpCourier&) = delete;
  HttpCourier& operator=(const HttpCourier&) = delete;

  Outcome deliver(const std::string& url, const std::string& body) override {
    std::string reply;
    curl_easy_reset(handle_);  // keeps its connections
    const auto set = [this](CURLoption option, const std::string& text) {
      if (!text.empty()) curl_easy_setopt(handle_, option, text.c_str());
    };
    set(CURLOPT_URL, url);
    set(CURLOPT_USERNAME, target_.username);
    set(CURLOPT_PASSWORD, target_.password);
    set(CURLOPT_CAINFO, target_.authority_path);
    set(CURLOPT_SSLCERT, target_.client_certificate_path);
    set(CURLOPT_SSLKEY, target_.client_key_path);
    if (target_.accept_any_certificate) {
      curl_easy_setopt(handle_, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(handle_, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle_, CURLOPT_TIMEOUT_MS, static_cast<long>(target_.timeout.count()));
    curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(handle_, CURLOPT_POST, 1L);
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, keep_some);
    curl_easy_setopt(handle_, CURLOPT_WRITEDATA, &reply);
    if (const CURLcode code = curl_easy_perform(handle_); code != CURLE_OK) {
      return {.taken = false, .may_be_tried_again = true, .problem = fmt::format("{} ({})", curl_easy_strerror(code), url)};
    }
    long status = 0;
    curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) return {.taken = true, .may_be_tried_again = false, .problem = ""};
    while (!reply.empty() && (reply.back() == '\n' || reply.back() == ' ')) reply.pop_back();
    return {.taken = false,
            .may_be_tried_again = status == 429 || status >= 500,
            .problem = fmt::format("{} answered {}{}{}", url, status, reply.empty() ? "" : ": ", reply)};
  }

 private:
  const PushTarget target_;
  CURL* handle_ = nullptr;
  curl_slist* headers_ = nullptr;
};

}  // namespace

HttpPush::HttpPush(std::string name, const PushTarget& target, Tell tell)
    : PushQueue(std::move(name), target.url, std::make_unique<HttpCourier>(target), std::move(tell)) {}

}  // namespace gauntlet::engine::output
