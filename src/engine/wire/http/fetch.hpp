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

/// Bytes of a body that others hold, too: they stand before body[at].
struct SharedBytes {
  std::size_t at = 0;
  std::shared_ptr<const std::string> owner;
  std::string_view bytes;
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
    /// With streams_body, from the loop: the head of the final answer has come, or more of its body, which take_body() gives.
    virtual void on_body(HttpFetch&) {}
  };

  HttpFetch() = default;
  HttpFetch(const HttpFetch&) = delete;
  HttpFetch& operator=(const HttpFetch&) = delete;

  /// Back to a fresh request, with the memory kept.
  void reset();
  /// Never calls the listener from inside. The client outlives the request, not the response.
  void start(HttpClient& client);
  void cancel();
  /// As cancel(), but the round trip counts as a hop that failed, whatever has come of it.
  void abort(Failure why);

  // While the body is streamed.
  /// Exchanges what has come of it with what `taken` was. With HTTP/1.1 no more than HttpLimits::kStreamedBytes wait for it,
  /// and some; with HTTP/2 the stream's window.
  void take_body(Buffer& taken);
  /// Somebody waits for more: the next of it has to come within `timeout`, or the fetch fails. Until then it may take for ever.
  void expect_body();
  /// Ends it early; what has come counts as a hop. on_fetch_done() does not come.
  void close();
  /// started, and neither done, cancelled nor closed
  bool is_running() const { return is_running_; }
  /// When its request had been written, once its answer has a head.
  HttpExchange::Clock::time_point sent_at() const { return sent_at_; }
  /// Makes `other` look like this fetch, done, with the answer's head and no body.
  void copy_head_to(HttpFetch& other);

  // The request.
  std::string method = "GET";
  std::string url;       ///< absolute, as Url::text() writes it
  RequestFields fields;  ///< a Host among them replaces the URL's in the request
  std::string body;
  std::vector<SharedBytes> files;  ///< what the body has beside, in order
  bool has_body = false;
  std::size_t body_size() const;
  /// In one piece, files and all.
  std::string whole_body() const;
  std::vector<RequestCookie> cookies;
  CookieJar* jar = nullptr;
  /// How the URL's user info is used, beside plain basic authentication.
  enum class Authentication : std::uint8_t { basic, digest, ntlm };
  Authentication authentication = Authentication::basic;
  int max_redirects = 10;
  std::chrono::nanoseconds timeout = std::chrono::seconds(60);  ///< for all hops together, bodies included but for a streamed one
  bool streams_body = false;                                    ///< the final answer's body is taken while it comes
  bool discards_body = false;
  bool closes_connections = false;  ///< option noConnectionReuse
  static constexpr std::size_t kMaxDecodedBytes = std::size_t{1} << 28;
  std::size_t max_decoded_bytes = kMaxDecodedBytes;
  Listener* listener = nullptr;

  // The outcome: the last round trip's exchange, decoded. On failure its head is empty, but of a streamed one.
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
  bool on_exchange_head(HttpExchange&) override;
  void on_exchange_body(HttpExchange&) override;
  void end();
  void note_sent();
  void send_hop();
  void fail_soon(Failure problem);
  /// Finds origin, request target and authority of hop_url_; false with a failure when it cannot be fetched.
  bool locate(Failure& problem);
  void write_head();
  void write_body();
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
  HttpExchange::Clock::time_point sent_at_{};
  std::shared_ptr<bool> alive_;  // watched by a posted failure
  std::shared_ptr<bool> told_;   // watched by a posted on_body()
  bool is_running_ = false;

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
