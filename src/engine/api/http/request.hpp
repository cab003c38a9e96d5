#pragma once
// From what a script passes to http.get() and its kind to a fetch: URL, body and params, checked in k6's order and with
// its texts.
#include <quickjs.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/http/response.hpp"
#include "engine/api/http/samples.hpp"
#include "engine/api/http/state.hpp"
#include "engine/script/native_memory.hpp"

namespace gauntlet::engine::api {

/// Why a request cannot be made. With code kInvalidUrl, or 0 for the rest.
struct RequestProblem {
  std::string message;
  int code = 0;
};

/// One request of a script, from its arguments to its Response. Owned by the call that waits for it.
class HttpRequest final : private wire::HttpFetch::Listener {
 public:
  explicit HttpRequest(HttpState& state);
  ~HttpRequest() override;
  HttpRequest(const HttpRequest&) = delete;
  HttpRequest& operator=(const HttpRequest&) = delete;

  /// Takes the arguments apart. Returns what is wrong with them; std::nullopt may also mean that a script exception is
  /// pending (getters throw), see has_exception().
  std::optional<RequestProblem> prepare(JSContext* context, std::string_view method, JSValueConst url, JSValueConst body,
                                        JSValueConst params);
  bool has_exception() const { return has_exception_; }
  /// Tags as they are now count for its samples, whatever the script sets until it is done.
  void keep_tags();

  /// `on_done` is called once, from the loop, as the last thing done with this; with responseType 'stream' once there is
  /// a head. Destroying the request before ends it.
  void start(wire::HttpClient& client, std::function<void()> on_done);
  /// Ends it, before on_done: it leaves samples of a request that failed.
  void abort();
  bool is_streamed() const { return type_ == ResponseType::stream; }

  /// After on_done, on the fiber: the Response, or an exception when the request failed and throws.
  JSValue finish(JSContext* context);
  /// The host and port it goes to, for batchPerHost.
  std::string host() const;

 private:
  void on_hop(wire::HttpFetch& fetch) override;
  void on_fetch_done(wire::HttpFetch& fetch) override;
  void on_body(wire::HttpFetch& fetch) override;
  std::optional<RequestProblem> take_url(JSContext* context, JSValueConst url);
  std::optional<RequestProblem> take_body(JSContext* context, JSValueConst body);
  std::optional<RequestProblem> take_form(JSContext* context, JSValueConst body);
  std::optional<RequestProblem> settle_json_body(JSContext* context);
  std::optional<RequestProblem> take_params(JSContext* context, JSValueConst params);
  std::optional<RequestProblem> take_param(JSContext* context, JSAtom name, JSValueConst value);
  std::optional<RequestProblem> take_tags(JSContext* context, JSValueConst tags);
  void take_headers(JSContext* context, JSValueConst headers);
  void take_cookies(JSContext* context, JSValueConst cookies);
  std::optional<RequestProblem> compress_body();
  void warn_about_length();

  HttpState& state_;
  script::NativeMemory memory_;
  PooledFetch fetch_;
  std::shared_ptr<wire::CookieJar> jar_;
  ResponseType type_ = ResponseType::text;
  bool throws_ = false;
  bool has_exception_ = false;
  bool warns_about_redirects_ = true;
  HttpSamples samples_;
  std::vector<std::string> compressions_;
  std::string content_length_;
  script::Value json_body_;  // an object or list, until the headers say what it becomes
  std::string form_type_;    // the Content-Type that the body asks for
  std::string plain_body_;
  bool has_plain_body_ = false;
  std::function<void()> on_done_;
};

/// The Response of a request that was never made.
JSValue new_unmade_response(JSContext* context, const RequestProblem& problem);

}  // namespace gauntlet::engine::api
