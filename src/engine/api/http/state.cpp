#include "engine/api/http/state.hpp"

#include <algorithm>
#include <tuple>

#include "engine/plan/options.hpp"
#include "engine/users/shared_state.hpp"
#include "engine/users/test_state.hpp"
#include "engine/users/vu_context.hpp"

namespace gauntlet::engine::api {
namespace {

constexpr std::array<const char*, Atoms::kCount> kAtomNames = {
    "remote_ip",
    "remote_port",
    "url",
    "status",
    "status_text",
    "proto",
    "headers",
    "cookies",
    "body",
    "timings",
    "tls_version",
    "tls_cipher_suite",
    "ocsp",
    "error",
    "error_code",
    "request",
    "clickLink",
    "html",
    "json",
    "submitForm",
    "duration",
    "blocked",
    "looking_up",
    "connecting",
    "tls_handshaking",
    "sending",
    "waiting",
    "receiving",
    "method",
    "jar",
    "tags",
    "timeout",
    "redirects",
    "compression",
    "responseType",
    "responseCallback",
    "auth",
    "throw",
    "name",
    "value",
    "replace",
    "params",
    "User-Agent",
    "Content-Type",
    "Content-Length",
};

}  // namespace

FetchPool& FetchPool::of_thread() {
  thread_local FetchPool pool;
  return pool;
}

std::unique_ptr<wire::HttpFetch> FetchPool::take() {
  if (free_.empty()) return std::make_unique<wire::HttpFetch>();
  auto fetch = std::move(free_.back());
  free_.pop_back();
  body_bytes_ -= fetch->exchange.body.capacity();
  return fetch;
}

void FetchPool::give_back(std::unique_ptr<wire::HttpFetch> fetch) {
  if (free_.size() >= kMaxFetches) return;
  fetch->reset();
  wire::Buffer& body = fetch->exchange.body;
  if (body_bytes_ + body.capacity() > kMaxBodyBytes) body.release();
  body_bytes_ += body.capacity();
  free_.push_back(std::move(fetch));
}

Atoms::Atoms(JSContext* context) : context_(context) {
  for (std::size_t i = 0; i < kCount; ++i) atoms_[i] = JS_NewAtom(context, kAtomNames[i]);
}

Atoms::~Atoms() {
  for (const JSAtom atom : atoms_) JS_FreeAtom(context_, atom);
}

HttpState::HttpState(users::VuContext& vu)
    : vu_(vu),
      network_(vu.shared().get<Network>()),
      atoms_(vu.context()),
      user_agent_(vu.options().user_agent.given   ? vu.options().user_agent.value
                  : vu.test().metrics.strict_k6() ? "Grafana k6/1.8.1"
                                                  : "Grafana k6/2.3.0") {
  vu_.on_iteration_start([this] { start_iteration(); });
}

HttpState::~HttpState() = default;

void HttpState::start_iteration() {
  pending_.clear();  // left over when the last iteration was cut short
  if (!vu_.options().no_cookies_reset.value) {
    // A script may still hold the old one.
    if (jar_.use_count() > 1) jar_ = std::make_shared<wire::CookieJar>();
    else if (!jar_->empty()) *jar_ = wire::CookieJar();
  }
  if (vu_.options().no_vu_connection_reuse.value && client_) client_->close_idle();
}

base::Expected<wire::HttpClient*> HttpState::client() {
  if (client_) return client_.get();
  const plan::Options& options = vu_.options();
  std::ignore = TRY(this->dialer());
  wire::HttpLimits limits;
  limits.max_idle = static_cast<std::size_t>(std::max<std::int64_t>(options.batch.value, 1));
  limits.version = network_.http_version();
  if (options.max_response_bytes.value > 0) limits.max_body_bytes = static_cast<std::size_t>(options.max_response_bytes.value);
  limits.max_kept_bytes = vu_.test().heap_bytes_per_vu;
  limits.max_idle_per_origin = static_cast<std::size_t>(std::max<std::int64_t>(options.batch_per_host.value, 1));
  client_ = std::make_unique<wire::HttpClient>(vu_.loop(), *dialer_, limits);
  return client_.get();
}

base::Expected<wire::Dialer*> HttpState::dialer() {
  if (dialer_) return dialer_.get();
  TRY(network_.prepare(vu_.options()));
  dialer_ = std::make_unique<wire::Dialer>(vu_.loop(), network_.resolver(), network_.policy(), &network_.tls(), vu_.traffic(), vu_.id());
  return dialer_.get();
}

}  // namespace gauntlet::engine::api
