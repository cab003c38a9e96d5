#include "service/span_exporter.hpp"

#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <utility>

#include "base/json_text.hpp"
#include "base/log.hpp"

namespace gauntlet::service {
namespace {

constexpr std::size_t kBatchSpans = 2048;
constexpr std::chrono::seconds kBatchPause{1};
constexpr std::chrono::seconds kPatience{5};

std::string json_string(std::string_view text) {
  std::string out;
  base::append_json_string(out, text);
  return out;
}

}  // namespace

SpanExporter::SpanExporter(base::EventLoop& loop, ags::HttpClient& http, SpanExporterOptions options, base::metrics::Registry& metrics)
    : loop_(loop),
      http_(http),
      options_(std::move(options)),
      service_name_json_(json_string(options_.service_name)),
      dropped_(metrics.counter("challenge_spans_dropped_total", "Spans that the collector of OTEL_EXPORTER_ZIPKIN_ENDPOINT did not get")
                   .with({})) {}

SpanExporter::~SpanExporter() {
  if (timer_ != 0) loop_.cancel(timer_);
}

bool SpanExporter::is_wanted(const base::http::Trace& trace) const {
  if (trace.has_parent()) return trace.is_sampled();
  if (options_.new_traces_share >= 1) return true;
  std::uint32_t drawn = 0;  // the trace id's last digits are random
  const std::string_view digits = trace.trace_id().substr(24);
  std::from_chars(digits.data(), digits.data() + digits.size(), drawn, 16);
  return drawn < options_.new_traces_share * 4294967296.0;
}

void SpanExporter::add(const FinishedRequest& request, const base::http::Trace& trace) {
  if (!is_wanted(trace)) return;
  if (batch_spans_ == kBatchSpans) return dropped_.increment();
  const auto ended = std::chrono::system_clock::now().time_since_epoch();
  const auto microseconds = [](auto time) { return std::chrono::duration_cast<std::chrono::microseconds>(time).count(); };
  batch_ += batch_spans_++ == 0 ? '[' : ',';
  const auto out = std::back_inserter(batch_);
  fmt::format_to(out, R"({{"traceId":"{}","id":"{}",)", trace.trace_id(), trace.span_id());
  if (trace.has_parent()) fmt::format_to(out, R"("parentId":"{}",)", trace.parent_id());
  fmt::format_to(out, R"("kind":"SERVER","name":)");
  base::append_json_string(batch_, request.name);
  fmt::format_to(std::back_inserter(batch_),
                 R"(,"timestamp":{},"duration":{},"localEndpoint":{{"serviceName":{}}},"tags":{{"{}.status":"{}","request_id":)",
                 microseconds(ended - request.elapsed), std::max<std::int64_t>(1, microseconds(request.elapsed)), service_name_json_,
                 request.protocol, request.status);
  base::append_json_string(batch_, trace.request_id());
  if (request.failed) batch_ += R"(,"error":"true")";
  batch_ += "}}";
  send_later();
}

void SpanExporter::send_later() {
  if (timer_ != 0 || sending_) return;
  timer_ = loop_.call_after(kBatchPause, [this] {
    timer_ = 0;
    send();
  });
}

void SpanExporter::send() {
  sending_ = true;
  const std::size_t spans = std::exchange(batch_spans_, 0);
  ags::HttpRequest request;
  request.method = "POST";
  request.url = options_.endpoint;
  request.headers = {"Content-Type: application/json"};
  request.body = std::exchange(batch_, {}) + "]";
  http_.send(std::move(request), loop_.now() + kPatience, [this, spans](const base::Expected<ags::HttpReply>& reply) {
    sending_ = false;
    const bool taken = reply && reply->status >= 200 && reply->status < 300;
    if (!taken) {
      static base::log::Limit limit(1);
      base::log::warn(limit, "spans not taken by the collector",
                      {{"endpoint", options_.endpoint},
                       {"spans", spans},
                       {"reason", reply ? "status " + std::to_string(reply->status) : reply.error().message}});
      dropped_.increment(spans);
    }
    if (batch_spans_ != 0) send_later();
  });
}

}  // namespace gauntlet::service
