#include "engine/sinks/push/http_push.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/curl.hpp"
#include "engine/wire/url.hpp"

namespace gauntlet::engine::sinks {
namespace {

/// Of a refusing receiver's words in messages.
constexpr std::size_t kMostReplyBytes = 200;

class HttpCourier final : public Courier {
 public:
  explicit HttpCourier(PushTarget target) : target_(std::move(target)) {}

  Outcome deliver(const std::string& url, const std::string& body) override {
    std::string reply;
    curl_.begin(url, target_.headers, target_.timeout);
    const auto set = [this](CURLoption option, const std::string& text) {
      if (!text.empty()) curl_.set(option, text.c_str());
    };
    set(CURLOPT_USERNAME, target_.username);
    set(CURLOPT_PASSWORD, target_.password);
    set(CURLOPT_CAINFO, target_.authority_path);
    set(CURLOPT_SSLCERT, target_.client_certificate_path);
    set(CURLOPT_SSLKEY, target_.client_key_path);
    if (target_.accept_any_certificate) {
      curl_.set(CURLOPT_SSL_VERIFYPEER, 0L);
      curl_.set(CURLOPT_SSL_VERIFYHOST, 0L);
    }
    curl_.send_body(body);
    const auto answer = curl_.perform(reply, kMostReplyBytes);
    if (!answer)
      return {
          .taken = false, .may_be_tried_again = true, .problem = fmt::format("{} ({})", answer.error().message, wire::hide_password(url))};
    const int status = *answer;
    if (status >= 200 && status < 300) return {.taken = true, .may_be_tried_again = false, .problem = ""};
    while (!reply.empty() && (reply.back() == '\n' || reply.back() == ' ')) reply.pop_back();
    return {.taken = false,
            .may_be_tried_again = status == 429 || status >= 500,
            .problem = fmt::format("{} answered {}{}{}", wire::hide_password(url), status, reply.empty() ? "" : ": ", reply)};
  }

 private:
  const PushTarget target_;
  base::CurlHandle curl_;
};

}  // namespace

HttpPush::HttpPush(std::string name, const PushTarget& target, Tell tell)
    : PushQueue(std::move(name), target.url, std::make_unique<HttpCourier>(target), std::move(tell)) {}

}  // namespace gauntlet::engine::sinks
