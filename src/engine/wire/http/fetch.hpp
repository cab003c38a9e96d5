#pragma once
// One request as a script sees it: the round trip and what follows from it by Go's and k6's rules (redirects, cookies,
// basic, digest and NTLM authentication, content decoding). Each round trip is told to the listener as one hop.
//
//   HttpFetch fetch;
//   fetch.method = "GET"; fetch.url = "http://127.0.0.1:8000/x"; fetch.listener = this;
//   fetch.start(client);
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/wire/http/client.hpp"
#include "engine/wire/http/cookie.hpp"
#include "engine/wire/http/request_fields.hpp"
#include "engine/wire/url.hpp"

namespace gauntlet::engine::wire {

/// A cookie given with a request; `replaces` keeps the jar's cookie of that name away.
struct RequestCookie {
  std::string name;
  std::string value;
  bool replaces = false;
};

/// Owned by the caller, who keeps it until it is done or cancelled. Can be used again after reset().
class HttpFetch final : private HttpExchange::Listener {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    /// A round trip is over; `exchange` and hop_url() are its. Comes before on_fetch_done() for the last one, too.
    virtual void on_hop(HttpFetch& fetch) = 0;
    /// Once per start(), from the loop. The last thing done with the fetch, which may be started again or destroyed.
    virtual void on_fetch_done(HttpFetch& fetch) = 0;
  };

  HttpFetch() = default;
  HttpFetch(const HttpFetch&) = delete;
  HttpFetch& operator=(const HttpFetch&) = delete;

  /// Back to a fresh request, with the memory kept.
  void reset();
  /// Never calls the listener from inside. The client outlives the request, not the response.
  void start(HttpClient& client);
  void cancel();

  // The request.
  std::string method = "GET";
  std::string url;       ///< absolute, as Url::text() writes it
  RequestFields fields;  ///< a Host among them replaces the URL's in the request
  std::string body;
  bool has_body = false;
  std::vector<RequestCookie> cookies;
  CookieJar* jar = nullptr;
  /// How the URL's user info is used, beside plain basic authentication.
  enum class Authentication : std::uint8_t { basic, digest, ntlm };
  Authentication authentication = Authentication::basic;
  int max_redirects = 10;
  std::chrono::nanoseconds timeout = std::chrono::seconds(60);  ///< for all hops together, bodies included
  bool discards_body = false;
  bool closes_connections = false;  ///< option noConnectionReuse
  static constexpr std::size_t kMaxDecodedBytes = std::size_t{1} << 28;
  std::size_t max_decoded_bytes = kMaxDecodedBytes;
  Listener* listener = nullptr;

  // The outcome: the last round trip's exchange, decoded. On failure its head is empty.
  HttpExchange exchange;
  /// The URL of the hop, as response.url; where user info was used for digest it is left out.
  const std::string& hop_url() const { return hop_url_; }
  const std::string& hop_method() const { return hop_method_; }
  /// How many redirects were followed.
  int redirects() const { return redirects_; }
  /// The answer is a redirect that was not followed because max_redirects were.
  bool stopped_at_redirect() const { return stopped_at_redirect_; }
  /// The first round trip of a digest or NTLM handshake, whose 401 is expected.
  bool is_challenge() const { return is_challenge_; }
  /// The Cookie header of the first hop, for response.request.
  const std::string& first_cookie_header() const { return first_cookies_; }

 private:
  void on_exchange_done(HttpExchange& done) override;
  void send_hop();
  void fail_soon(Failure problem);
  /// Finds origin, request target and authority of hop_url_; false with a failure when it cannot be fetched.
  bool locate(Failure& problem);
  void write_head();
  void write_cookies();
  void store_cookies();
  void decode();
  enum class Next { done, send_again, failed };
  Next follow_redirect();
  Next answer_digest();
  Next answer_ntlm();
  void report();

  HttpClient* client_ = nullptr;
  HttpExchange::Clock::time_point deadline_{};
  std::shared_ptr<bool> alive_;  // watched by a posted failure

  // Of the whole fetch.
  int redirects_ = 0;
  bool stopped_at_redirect_ = false;
  bool crossed_domains_ = false;     // credentials are not for the new host
  bool dropped_body_ = false;        // neither are headers about a body that is not sent
  std::optional<std::string> user_;  // from the URL, for digest and NTLM
  std::string password_;
  std::string answer_;  // the Authorization header that answers a challenge
  int ntlm_steps_ = 0;
  std::string first_cookies_;

  // Of the hop under way.
  std::string hop_url_;
  std::string hop_method_;
  std::string next_url_;
  std::string next_method_;
  bool is_challenge_ = false;
  bool keeps_host_field_ = true;
  std::string referer_;
  std::string authority_;
  std::string target_;
  std::string basic_;    // the Authorization header that the URL's user info makes
  std::string cookies_;  // the Cookie header
};

}  // namespace gauntlet::engine::wire
