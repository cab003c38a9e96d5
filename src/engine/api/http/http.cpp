#include "engine/api/http/http.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <deque>
#include <map>
#include <set>

#include "base/event_loop.hpp"
#include "base/text.hpp"
#include "engine/api/http/body.hpp"
#include "engine/api/http/body_stream.hpp"
#include "engine/api/http/cookies.hpp"
#include "engine/api/http/request.hpp"
#include "engine/api/http/response.hpp"
#include "engine/api/http/state.hpp"
#include "engine/api/http/url_template.hpp"
#include "engine/plan/options.hpp"
#include "engine/script/binding.hpp"
#include "engine/script/fiber/fiber.hpp"
#include "engine/script/interrupt.hpp"
#include "engine/users/vu_context.hpp"

namespace gauntlet::engine::api {
namespace {

using script::Call;
using script::Value;

/// What one request's arguments are, wherever they came from.
struct Arguments {
  std::string method;
  Value url;
  Value body;
  Value params;
};

HttpState& state_of(JSContext* context) { return users::vu_of(context).slot<HttpState>(); }

/// A request that cannot be made: thrown when option `throw` says so, else logged and answered with an empty Response.
JSValue refuse(HttpState& state, JSContext* context, const RequestProblem& problem) {
  if (state.vu().options().throw_errors.value) return script::throw_error(context, problem.message);
  state.vu().warn("Request Failed", {{"error", problem.message}});
  return new_unmade_response(context, problem);
}

/// Waits as option rps demands; false when the wait was interrupted.
bool wait_for_turn(HttpState& state) {
  const auto wait = state.network().reserve_request();
  return wait.count() <= 0 || state.vu().sleep(wait);
}

JSValue request(JSContext* context, std::string_view method, JSValueConst url, JSValueConst body, JSValueConst params) {
  users::VuContext& vu = users::vu_of(context);
  if (vu.in_init()) return script::throw_error(context, "Making http requests in the init context is not supported");
  HttpState& state = vu.slot<HttpState>();
  HttpRequest request(state);
  if (const auto problem = request.prepare(context, method, url, body, params)) return refuse(state, context, *problem);
  if (request.has_exception()) return JS_EXCEPTION;
  const auto client = state.client();
  if (!client) return script::throw_error(context, client.error().message);
  if (!wait_for_turn(state)) return vu.throw_interrupted();
  fiber::Awaited<> done;
  request.start(**client, [&] { done.complete(); });
  if (!done.wait()) return vu.throw_interrupted();
  return request.finish(context);
}

constexpr char kGet[] = "GET";
constexpr char kHead[] = "HEAD";
constexpr char kPost[] = "POST";
constexpr char kPut[] = "PUT";
constexpr char kPatch[] = "PATCH";
constexpr char kDelete[] = "DELETE";
constexpr char kOptions[] = "OPTIONS";

/// get and head: (url, params)
template <const char* method>
JSValue without_body(Call call) {
  if (call.count > 2) {
    const std::string name = base::lower_case(std::string_view(method));
    users::vu_of(call.context)
        .warn(fmt::format("http.{} only accepts a url and a params argument (2 arguments), but {} were given", name, call.count));
  }
  return request(call.context, method, call.arg(0), JS_UNDEFINED, call.arg(1));
}

/// post and its kind: (url, body, params)
template <const char* method>
JSValue with_body(Call call) {
  return request(call.context, method, call.arg(0), call.arg(1), call.arg(2));
}

JSValue any_method(Call call) {
  const script::Text method(call.context, call.arg(0));
  if (method.failed()) return JS_EXCEPTION;
  return request(call.context, method, call.arg(1), call.arg(2), call.arg(3));
}

/// The listener of a request's signal: `data` is the request's promise and the signal.
JSValue abort_by_signal(JSContext* context, JSValueConst, int, JSValueConst*, int, JSValue* data) {
  const Value reason = Value::copy(context, data[1]).property("reason");
  if (reason.is_exception()) return JS_EXCEPTION;
  state_of(context).abort(data[0], reason.get());
  return JS_UNDEFINED;
}

/// Calls signal[method]("abort", listener); an exception where that throws.
Value tell_signal(const Value& signal, const char* method, const Value& listener) {
  JSContext* const context = signal.context();
  const Value event(context, JS_NewString(context, "abort"));
  std::array<JSValueConst, 2> arguments{event.get(), listener.get()};
  const JSAtom name = JS_NewAtom(context, method);
  Value told(context, JS_Invoke(context, signal.get(), name, static_cast<int>(arguments.size()), arguments.data()));
  JS_FreeAtom(context, name);
  return told;
}

/// One http.asyncRequest() from its call until its promise is settled.
class AsyncRequest final : public HttpState::Pending {
 public:
  AsyncRequest(HttpState& state, JSContext* context) : state_(state), context_(context), request_(state), deferred_(context) {}
  HttpRequest& request() { return request_; }
  script::Deferred& deferred() { return deferred_; }

  /// Ends with the signal in `params`, if there is one. False with an exception, also where the signal is aborted already.
  bool take_signal(JSValueConst params) {
    if (!JS_IsObject(params)) return true;
    Value signal = Value::copy(context_, params).property("signal");
    if (signal.is_exception()) return false;
    if (signal.is_nullish()) return true;
    const Value kind = Value(context_, JS_GetGlobalObject(context_)).property("AbortSignal");
    if (!kind.is_function()) return true;  // as k6 has it, which takes no notice of one
    if (JS_IsInstanceOf(context_, signal.get(), kind.get()) != 1) {
      JS_ThrowTypeError(context_, "asyncRequest: signal takes an AbortSignal");
      return false;
    }
    if (tell_signal(signal, "throwIfAborted", Value()).is_exception()) return false;
    const Value promise(context_, deferred_.promise());
    std::array<JSValueConst, 2> data{promise.get(), signal.get()};
    listener_ = Value(context_, JS_NewCFunctionData(context_, &abort_by_signal, 0, 0, static_cast<int>(data.size()), data.data()));
    signal_ = std::move(signal);
    return !tell_signal(signal_, "addEventListener", listener_).is_exception();
  }

  void start(wire::HttpClient& client) {
    request_.keep_tags();
    operation_ = state_.vu().start_operation();
    request_.start(client, [this] { operation_.finish([this] { settle(request_.finish(context_)); }); });
  }

  bool abort(JSValueConst promise, JSValueConst reason) override {
    const Value own(context_, deferred_.promise());
    if (!operation_.active() || !JS_IsStrictEqual(context_, own.get(), promise)) return false;
    request_.abort();
    Value why = Value::copy(context_, reason);
    script::Deferred deferred = std::move(deferred_);
    state_.drop(this);
    deferred.reject(std::move(why));
    return true;
  }

  /// Takes over `outcome`. On the fiber; the last thing done with this when it is kept by the state.
  void settle(JSValue outcome) {
    JSContext* const context = context_;
    const bool failed = JS_IsException(outcome);
    Value settled(context_, failed ? JS_GetException(context_) : outcome);
    script::Deferred deferred = std::move(deferred_);
    const Value signal = std::move(signal_);
    const Value listener = std::move(listener_);
    state_.drop(this);
    if (signal.is_object() && tell_signal(signal, "removeEventListener", listener).is_exception()) {
      JS_FreeValue(context, JS_GetException(context));
    }
    if (failed) deferred.reject(std::move(settled));
    else deferred.resolve(std::move(settled));
  }

 private:
  HttpState& state_;
  JSContext* context_;
  HttpRequest request_;
  script::Deferred deferred_;
  users::Operation operation_;
  Value signal_;
  Value listener_;
};

JSValue async_request(Call call) {
  JSContext* const context = call.context;
  users::VuContext& vu = users::vu_of(context);
  if (vu.in_init()) return script::throw_error(context, "Making http requests in the init context is not supported");
  const script::Text method(context, call.arg(0));
  if (method.failed()) return JS_EXCEPTION;
  HttpState& state = vu.slot<HttpState>();
  auto made = std::make_unique<AsyncRequest>(state, context);
  AsyncRequest& async = *made;
  const JSValue promise = async.deferred().promise();
  const auto problem = async.request().prepare(context, method, call.arg(1), call.arg(2), call.arg(3));
  if (problem || async.request().has_exception()) {
    async.settle(problem ? refuse(state, context, *problem) : JS_EXCEPTION);
    return promise;
  }
  const auto client = state.client();
  if (!client || !wait_for_turn(state)) {
    JS_FreeValue(context, promise);
    return client ? vu.throw_interrupted() : script::throw_error(context, client.error().message);
  }
  if (!async.take_signal(call.arg(3))) {
    async.settle(JS_EXCEPTION);
    return promise;
  }
  state.keep(std::move(made));
  async.start(**client);
  return promise;
}

/// Requests of one http.batch() under way: at most `batch` at once and `batchPerHost` of one host.
class Batch {
 public:
  Batch(const plan::Options& options, wire::HttpClient& client) : client_(client) {
    if (options.batch.value > 0) most_ = static_cast<std::size_t>(options.batch.value);
    if (options.batch_per_host.value > 0) most_per_host_ = static_cast<std::size_t>(options.batch_per_host.value);
  }

  /// `index`: of the entry in the batch.
  void add(std::size_t index, std::unique_ptr<HttpRequest> request) {
    const std::string host_name = request->host();
    Host& host = hosts_[host_name];
    Item& item = items_.emplace_back(Item{std::move(request), index, &host});
    host.waiting.push_back(&item);
    if (host.waiting.size() == 1) ready_.insert(&host);
  }

  /// False when interrupted.
  bool run() {
    if (items_.empty()) return true;
    fiber::Awaited<> all_done;
    all_done_ = &all_done;
    start_more();
    return all_done.wait().has_value();
  }

  /// Once all are done: the answer of each by the index of its entry.
  template <class Put>
  bool finish(JSContext* context, const Put& put) {
    for (Item& item : items_) {
      const JSValue response = item.request->finish(context);
      if (JS_IsException(response)) return false;
      put(item.index, response);
    }
    return true;
  }

 private:
  struct Host;
  struct Item {
    std::unique_ptr<HttpRequest> request;
    std::size_t index;
    Host* host;
  };
  struct Host {
    std::size_t running = 0;
    std::deque<Item*> waiting;
  };
  struct ByFirstWaiting {
    bool operator()(const Host* a, const Host* b) const { return a->waiting.front()->index < b->waiting.front()->index; }
  };

  /// In the order of the batch, but for hosts that have all they may have.
  void start_more() {
    while (running_ < most_ && !ready_.empty()) {
      Host& host = **ready_.begin();
      ready_.erase(ready_.begin());
      Item& item = *host.waiting.front();
      host.waiting.pop_front();
      ++host.running;
      ++running_;
      make_ready(host);
      item.request->start(client_, [this, &item] { finished(item); });
    }
  }

  void make_ready(Host& host) {
    if (!host.waiting.empty() && host.running < most_per_host_) ready_.insert(&host);
  }

  void finished(Item& item) {
    --running_;
    --item.host->running;
    make_ready(*item.host);
    if (++done_ == items_.size()) return all_done_->complete();
    start_more();
  }

  wire::HttpClient& client_;
  std::size_t most_ = static_cast<std::size_t>(-1);
  std::size_t most_per_host_ = static_cast<std::size_t>(-1);
  std::deque<Item> items_;  // stays in place while requests point to their items
  std::map<std::string, Host> hosts_;
  std::set<Host*, ByFirstWaiting> ready_;  // hosts with something waiting that may begin
  std::size_t running_ = 0;
  std::size_t done_ = 0;
  fiber::Awaited<>* all_done_ = nullptr;
};

/// One entry of http.batch(): a URL, [method, url, body, params] or an object of those.
std::optional<RequestProblem> batch_entry(JSContext* context, const Atoms& atoms, std::string_view key, const Value& entry,
                                          Arguments& out) {
  out.method = "GET";
  if (entry.is_array()) {
    std::int64_t length = 0;
    JS_GetLength(context, entry.get(), &length);
    if (length < 2) return RequestProblem{fmt::format("batch request {} lacks its URL: give [method, url, body, params]", key), 0};
    out.method = script::Text(entry.element(0)).str();
    out.url = entry.element(1);
    out.body = entry.element(2);
    out.params = entry.element(3);
  } else if (entry.is_object() && !entry.is_function() && script::Class<UrlTemplate>::of(entry.get()) == nullptr) {
    const auto property = [&](Atoms::Name name) { return Value(context, JS_GetProperty(context, entry.get(), atoms[name])); };
    out.url = property(Atoms::url);
    if (out.url.is_nullish()) return RequestProblem{fmt::format("batch request {} doesn't have a url key", key), 0};
    if (const Value method = property(Atoms::method); !method.is_nullish()) out.method = script::Text(method).str();
    out.body = property(Atoms::body);
    out.params = property(Atoms::params);
  } else {
    out.url = entry;  // refused in the words for URLs where it is none
  }
  if (out.method == "GET" || out.method == "HEAD") out.body = Value();
  return std::nullopt;
}

JSValue batch(Call call) {
  JSContext* const context = call.context;
  users::VuContext& vu = users::vu_of(context);
  if (vu.in_init()) return script::throw_error(context, "Using batch in the init context is not supported");
  if (call.count == 0) return script::throw_error(context, "no argument was provided to http.batch()");
  if (call.count > 1) {
    return script::throw_error(
        context, fmt::format("http.batch() takes one list or object of requests, as http.batch([a, b]), and got {} arguments", call.count));
  }
  const JSValueConst given = call.arg(0);
  if (!JS_IsObject(given) || JS_IsFunction(context, given)) {
    return script::throw_error(context,
                               fmt::format("http.batch() takes a list or an object of requests, not {}", script::kind_of(context, given)));
  }
  HttpState& state = vu.slot<HttpState>();
  const auto client = state.client();
  if (!client) return script::throw_error(context, client.error().message);

  const bool is_list = JS_IsArray(given);
  std::vector<std::string> keys;
  std::vector<Value> entries;
  if (is_list) {
    std::int64_t length = 0;
    if (JS_GetLength(context, given, &length) < 0) return JS_EXCEPTION;
    if (length > script::kMaxListLength)
      return script::throw_range_error(context, fmt::format("http.batch() takes at most {} requests", script::kMaxListLength));
    for (std::int64_t i = 0; i < length; ++i) {
      keys.push_back(std::to_string(i));
      entries.emplace_back(context, JS_GetPropertyInt64(context, given, i));
      if (entries.back().is_exception()) return JS_EXCEPTION;
    }
  } else {
    const bool walked = script::for_each_property(context, given, [&](std::string_view key, Value value) {
      keys.emplace_back(key);
      entries.push_back(std::move(value));
      return true;
    });
    if (!walked) return JS_EXCEPTION;
  }

  const Value results(context, is_list ? JS_NewArray(context) : JS_NewObject(context));
  const auto put = [&](std::size_t index, JSValue value) {
    const JSAtom atom = is_list ? JS_NewAtomUInt32(context, static_cast<std::uint32_t>(index))
                                : JS_NewAtomLen(context, keys[index].data(), keys[index].size());
    JS_DefinePropertyValue(context, results.get(), atom, value, JS_PROP_C_W_E);
    JS_FreeAtom(context, atom);
  };

  Batch requests(vu.options(), **client);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Arguments arguments;
    auto problem = batch_entry(context, state.atoms(), keys[i], entries[i], arguments);
    auto request = std::make_unique<HttpRequest>(state);
    if (!problem) problem = request->prepare(context, arguments.method, arguments.url.get(), arguments.body.get(), arguments.params.get());
    if (request->has_exception()) return JS_EXCEPTION;
    if (!problem && request->is_streamed())
      problem = RequestProblem{"http.batch() waits for whole answers: responseType 'stream' is for one request", 0};
    if (problem) {
      const JSValue response = refuse(state, context, *problem);
      if (JS_IsException(response)) return JS_EXCEPTION;
      put(i, response);
      continue;
    }
    constexpr std::size_t kWork = 4096;  // to make one
    if (script::interrupted(context, kWork)) return JS_EXCEPTION;
    if (!wait_for_turn(state)) return vu.throw_interrupted();
    requests.add(i, std::move(request));
  }
  if (!requests.run()) return vu.throw_interrupted();
  if (!requests.finish(context, put)) return JS_EXCEPTION;
  return Value(results).release();
}

JSValue url_template(Call call) { return new_url_template(call.context, call.count, call.arguments); }
JSValue file(Call call) { return new_file_part(call.context, call.arg(0), call.arg(1), call.arg(2)); }
JSValue make_cookie_jar(Call call) { return new_cookie_jar(call.context, std::make_shared<wire::CookieJar>()); }
JSValue current_cookie_jar(Call call) {
  if (users::vu_of(call.context).in_init())
    return script::throw_error(call.context, "Making cookie jars in the init context is not supported");
  return new_cookie_jar(call.context, state_of(call.context).jar());
}

bool is_integer(JSContext* context, JSValueConst value, int& out) {
  if (!JS_IsNumber(value)) return false;
  double number = 0;
  JS_ToFloat64(context, &number, value);
  if (std::trunc(number) != number || std::abs(number) > 1e9) return false;
  out = static_cast<int>(number);
  return true;
}

JSValue expected_statuses(Call call) {
  JSContext* const context = call.context;
  if (call.count == 0) return script::throw_error(context, "no arguments");
  auto made = std::make_unique<ExpectedStatuses>();
  made->ranges.clear();
  for (int i = 0; i < call.count; ++i) {
    int low = 0;
    int high = 0;
    if (is_integer(context, call.arg(i), low)) {
      made->ranges.emplace_back(low, low);
      continue;
    }
    const auto refuse_argument = [&] {
      return script::throw_error(
          context,
          fmt::format("argument number {} to expectedStatuses was neither an integer nor an object like {{min:100, max:329}}", i + 1));
    };
    if (!JS_IsObject(call.arg(i))) return refuse_argument();
    const Value min(context, JS_GetPropertyStr(context, call.arg(i), "min"));
    const Value max(context, JS_GetPropertyStr(context, call.arg(i), "max"));
    if (min.is_nullish() || max.is_nullish()) return refuse_argument();
    if (!is_integer(context, min.get(), low) || !is_integer(context, max.get(), high)) {
      return script::throw_error(context, fmt::format("both min and max need to be integers for argument number {}", i + 1));
    }
    made->ranges.emplace_back(low, high);
  }
  return script::Class<ExpectedStatuses>::create(context, std::move(made));
}

JSValue set_response_callback(Call call) {
  HttpState& state = state_of(call.context);
  if (!call.has(0)) {
    state.expected = nullptr;
  } else if (const auto* given = script::Class<ExpectedStatuses>::of(call.arg(0))) {
    state.expected = std::make_shared<ExpectedStatuses>(*given);
  } else {
    return script::throw_error(call.context, "unsupported argument, expected http.expectedStatuses");
  }
  return JS_UNDEFINED;
}

/// With and without `new`, as in k6.
script::Member cookie_jar_constructor() {
  script::Member member = script::function<&make_cookie_jar>("CookieJar", 0);
  member.u.func.cproto = JS_CFUNC_constructor_or_func;
  return member;
}

const script::Member kExports[] = {
    script::text_constant("TLS_1_0", "tls1.0"),
    script::text_constant("TLS_1_1", "tls1.1"),
    script::text_constant("TLS_1_2", "tls1.2"),
    script::text_constant("TLS_1_3", "tls1.3"),
    script::text_constant("OCSP_STATUS_GOOD", "good"),
    script::text_constant("OCSP_STATUS_REVOKED", "revoked"),
    script::text_constant("OCSP_STATUS_SERVER_FAILED", "server_failed"),
    script::text_constant("OCSP_STATUS_UNKNOWN", "unknown"),
    script::text_constant("OCSP_REASON_UNSPECIFIED", "unspecified"),
    script::text_constant("OCSP_REASON_KEY_COMPROMISE", "key_compromise"),
    script::text_constant("OCSP_REASON_CA_COMPROMISE", "ca_compromise"),
    script::text_constant("OCSP_REASON_AFFILIATION_CHANGED", "affiliation_changed"),
    script::text_constant("OCSP_REASON_SUPERSEDED", "superseded"),
    script::text_constant("OCSP_REASON_CESSATION_OF_OPERATION", "cessation_of_operation"),
    script::text_constant("OCSP_REASON_CERTIFICATE_HOLD", "certificate_hold"),
    script::text_constant("OCSP_REASON_REMOVE_FROM_CRL", "remove_from_crl"),
    script::text_constant("OCSP_REASON_PRIVILEGE_WITHDRAWN", "privilege_withdrawn"),
    script::text_constant("OCSP_REASON_AA_COMPROMISE", "aa_compromise"),
    script::function<&url_template>("url", 2),
    cookie_jar_constructor(),
    script::function<&current_cookie_jar>("cookieJar", 0),
    script::function<&file>("file", 2),
    script::function<&without_body<kGet>>("get", 2),
    script::function<&without_body<kHead>>("head", 2),
    script::function<&with_body<kPost>>("post", 3),
    script::function<&with_body<kPut>>("put", 3),
    script::function<&with_body<kPatch>>("patch", 3),
    script::function<&with_body<kDelete>>("del", 3),
    script::function<&with_body<kOptions>>("options", 3),
    script::function<&any_method>("request", 4),
    script::function<&async_request>("asyncRequest", 4),
    script::function<&batch>("batch", 1),
    script::function<&set_response_callback>("setResponseCallback", 1),
    script::function<&expected_statuses>("expectedStatuses", 1),
};

}  // namespace

JSValue abort_request(Call call) {
  state_of(call.context).abort(call.arg(0), call.arg(1));
  return JS_UNDEFINED;
}

JSValue make_http_request(JSContext* context, std::string_view method, JSValueConst url, JSValueConst body, JSValueConst params) {
  return request(context, method, url, body, params);
}

void init_http(script::Module& module) {
  JSContext* const context = module.context();
  define_file_part(context);
  define_url_template(context);
  define_cookie_jar(context);
  script::Class<ExpectedStatuses>::define(context, "Object", {});
  define_response(context);
  define_body_stream(context);
  module.exports(kExports);
  // `new http.CookieJar()` makes plain objects, so nothing is an instance of it; asking must not throw, though.
  const Value jar_class = module.object().property("CookieJar");
  JS_DefinePropertyValueStr(context, jar_class.get(), "prototype", JS_NewObject(context), JS_PROP_WRITABLE);
}

}  // namespace gauntlet::engine::api
