#pragma once
// What k6/http keeps per virtual user and per test: connections, cookie jar, response callback, and the atoms that make
// property look-ups quick.
#include <quickjs.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "engine/api/core/network.hpp"
#include "engine/script/value.hpp"
#include "engine/wire/http/client.hpp"
#include "engine/wire/http/cookie.hpp"
#include "engine/wire/http/fetch.hpp"
#include "engine/wire/tcp/dialer.hpp"

namespace gauntlet::engine::users {
class VuContext;
}  // namespace gauntlet::engine::users

namespace gauntlet::engine::api {

/// Which statuses are expected: what http.expectedStatuses() makes.
struct ExpectedStatuses {
  std::vector<std::pair<int, int>> ranges{{200, 399}};

  bool has(int status) const {
    for (const auto& [low, high] : ranges) {
      if (status >= low && status <= high) return true;
    }
    return false;
  }
};

/// Fetches of one thread that wait for their next use with their memory warm: a request allocates nothing for itself.
class FetchPool {
 public:
  static constexpr std::size_t kMaxFetches = 256;
  static constexpr std::size_t kMaxBodyBytes = 16U << 20U;  ///< of all bodies kept

  static FetchPool& of_thread();
  std::unique_ptr<wire::HttpFetch> take();
  void give_back(std::unique_ptr<wire::HttpFetch> fetch);

 private:
  std::vector<std::unique_ptr<wire::HttpFetch>> free_;
  std::size_t body_bytes_ = 0;
};

/// A fetch borrowed from the thread's pool.
struct ReturnToPool {
  void operator()(wire::HttpFetch* fetch) const { FetchPool::of_thread().give_back(std::unique_ptr<wire::HttpFetch>(fetch)); }
};
using PooledFetch = std::unique_ptr<wire::HttpFetch, ReturnToPool>;

/// Names of properties, as atoms of one runtime.
class Atoms {
 public:
  enum Name : std::size_t {
    // Response, in the order in which k6 lists its properties.
    remote_ip,
    remote_port,
    url,
    status,
    status_text,
    proto,
    headers,
    cookies,
    body,
    timings,
    tls_version,
    tls_cipher_suite,
    ocsp,
    error,
    error_code,
    request,
    click_link,
    html,
    json,
    submit_form,
    response_end,
    // timings
    duration = response_end,
    blocked,
    looking_up,
    connecting,
    tls_handshaking,
    sending,
    waiting,
    receiving,
    // request and its parameters
    method,
    jar,
    tags,
    timeout,
    redirects,
    compression,
    response_type,
    response_callback,
    auth,
    throws,
    name,
    value,
    replace,
    params,
    user_agent,
    content_type,
    content_length,
    kCount,
  };

  explicit Atoms(JSContext* context);
  ~Atoms();
  Atoms(const Atoms&) = delete;
  Atoms& operator=(const Atoms&) = delete;

  JSAtom operator[](std::size_t index) const { return atoms_[index]; }

 private:
  JSContext* context_;
  std::array<JSAtom, kCount> atoms_{};
};

/// One virtual user's k6/http: vu.slot<HttpState>().
class HttpState {
 public:
  explicit HttpState(users::VuContext& vu);
  ~HttpState();
  HttpState(const HttpState&) = delete;
  HttpState& operator=(const HttpState&) = delete;

  users::VuContext& vu() { return vu_; }
  const Atoms& atoms() const { return atoms_; }
  /// Made with the first request; an error says which option is wrong.
  base::Expected<wire::HttpClient*> client();
  /// Made with the first connection, for all of this virtual user's HTTP and WebSockets; errors as client()'s.
  base::Expected<wire::Dialer*> dialer();
  Network& network() { return network_; }
  /// The jar of the iteration. Shared with scripts that hold it beyond.
  const std::shared_ptr<wire::CookieJar>& jar() const { return jar_; }
  const std::string& user_agent() const { return user_agent_; }

  /// The functions that every Response shows as its own: clickLink, html, json, submitForm.
  /// Undefined until the first one is asked for.
  script::Value& response_method(std::size_t name) const { return response_methods_[name - Atoms::click_link]; }

  /// Work that goes on beside the script (asyncRequest): kept until it is dropped, at the latest with the iteration.
  class Pending {
   public:
    virtual ~Pending() = default;
    /// Ends it, the last thing done with this, where `promise` is what the script was given for it: that is rejected with `reason`.
    virtual bool abort(JSValueConst promise, JSValueConst reason) = 0;
  };
  Pending* keep(std::unique_ptr<Pending> work) { return pending_.emplace_back(std::move(work)).get(); }
  void abort(JSValueConst promise, JSValueConst reason) {
    for (std::size_t i = 0; i < pending_.size() && !pending_[i]->abort(promise, reason);) ++i;
  }
  void drop(const Pending* work) {
    std::erase_if(pending_, [&](const auto& each) { return each.get() == work; });
  }

  /// The default of this virtual user; null after setResponseCallback(null).
  std::shared_ptr<const ExpectedStatuses> expected = std::make_shared<ExpectedStatuses>();

 private:
  void start_iteration();

  users::VuContext& vu_;
  Network& network_;
  Atoms atoms_;
  std::shared_ptr<wire::CookieJar> jar_ = std::make_shared<wire::CookieJar>();
  std::string user_agent_;
  mutable std::array<script::Value, 4> response_methods_;
  std::unique_ptr<wire::Dialer> dialer_;
  std::unique_ptr<wire::HttpClient> client_;
  std::vector<std::unique_ptr<Pending>> pending_;  // last: what it has under way goes through the client
};

}  // namespace gauntlet::engine::api
