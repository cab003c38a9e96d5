#include "engine/sinks/push/prometheus_scrape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

#include "base/http/listener.hpp"
#include "base/loop_thread.hpp"
#include "base/parse.hpp"
#include "engine/results/number_text.hpp"
#include "engine/sinks/push/prometheus_values.hpp"

namespace gauntlet::engine::sinks {
namespace {

using base::http::ExchangePtr;

void append_label(std::string& out, const std::string& name, const std::string& value) {
  out += name;
  out += "=\"";
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  out += '"';
}

}  // namespace

/// Requests wait here for the writer thread, which owns the series.
struct PrometheusScrape::Server {
  base::http::Router router;
  std::vector<ExchangePtr> waiting;  // the loop's
  std::atomic<bool> is_asked{false};
  std::unique_ptr<base::http::Listener> listener;  // the loop's
  base::LoopThread thread{"scrape"};

  ~Server() {
    thread.run_and_wait([this] {
      waiting.clear();
      listener.reset();
    });
  }
  void answer(std::string text) {
    thread.loop().post([this, text = std::move(text)] {
      for (const ExchangePtr& exchange : std::exchange(waiting, {})) {
        exchange->respond({.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = text, .headers = {}});
      }
    });
  }
};

base::Expected<ScrapeOptions> read_scrape_options(const std::string& argument, const Variables& variable) {
  ScrapeOptions options;
  const std::size_t colon = argument.rfind(':');
  const std::string port_text = colon == std::string::npos ? argument : argument.substr(colon + 1);
  if (colon != std::string::npos && colon != 0) options.address = argument.substr(0, colon);
  if (options.address == "localhost") options.address = "127.0.0.1";
  if (!port_text.empty()) {
    const auto port = base::parse_integer(port_text);
    if (!port || *port < 1 || *port > 65'535) {
      return base::fail(base::ErrorKind::invalid_argument,
                        fmt::format("\"{}\" is no port to be scraped at; say --out prometheus=9464 or prometheus=0.0.0.0:9464", argument));
    }
    options.port = static_cast<std::uint16_t>(*port);
  }
  if (const std::string stats = text_of(variable, "K6_PROMETHEUS_RW_TREND_STATS"); !stats.empty()) {
    auto parsed = parse_prometheus_stats(stats);
    if (!parsed) return tl::unexpected(std::move(parsed.error()).in("K6_PROMETHEUS_RW_TREND_STATS"));
    options.trend_stats = std::move(*parsed);
  }
  return options;
}

PrometheusScrape::PrometheusScrape(ScrapeOptions options, const metrics::MetricRegistry& registry, Tell tell)
    : SeriesOutput(registry), options_(std::move(options)), tell_(std::move(tell)), server_(std::make_unique<Server>()) {}

PrometheusScrape::~PrometheusScrape() = default;

base::Expected<std::unique_ptr<PrometheusScrape>> PrometheusScrape::serve(ScrapeOptions options, const metrics::MetricRegistry& registry,
                                                                          Tell tell) {
  std::unique_ptr<PrometheusScrape> output(new PrometheusScrape(std::move(options), registry, std::move(tell)));
  Server& server = *output->server_;
  server.router.get("/metrics", [&server](const ExchangePtr& exchange) {
    server.waiting.push_back(exchange);
    server.is_asked.store(true, std::memory_order_release);
  });
  base::Expected<void> listening;
  server.thread.run_and_wait([&] {
    // Not SO_REUSEPORT: two tests at a time would share the port, and each scrape would show either.
    server.listener = std::make_unique<base::http::Listener>(
        server.thread.loop(),
        base::http::ListenerOptions{
            .address = output->options_.address, .port = output->options_.port, .reuse_port = false, .max_connections = 64},
        server.router);
    listening = server.listener->listen();
  });
  if (!listening) return tl::unexpected(std::move(listening.error()));
  return output;
}

/// https://prometheus.io/docs/instrumenting/exposition_formats/: the series of one name stand together.
std::string PrometheusScrape::render() {
  struct Family {
    PrometheusType type = PrometheusType::gauge;
    std::string lines;
  };
  std::map<std::string, Family> families;
  for (const TimeSeries& series : table_.series()) {
    std::string labels;
    for (const auto& [tag, value] : *series.tags) {
      labels += labels.empty() ? '{' : ',';
      append_label(labels, prometheus_label(tag), value);
    }
    if (!labels.empty()) labels += '}';
    for_each_prometheus_value(series, options_.trend_stats, [&](const std::string& name, PrometheusType type, double value) {
      Family& family = families[name];
      family.type = type;
      family.lines += fmt::format("{}{} {}\n", name, labels, results::js_number(value));
    });
  }
  std::string text;
  for (const auto& [name, family] : families) {
    text += fmt::format("# TYPE {} {}\n{}", name, family.type == PrometheusType::counter ? "counter" : "gauge", family.lines);
  }
  return text;
}

void PrometheusScrape::tick(Clock::time_point) {
  if (server_->is_asked.exchange(false, std::memory_order_acquire)) server_->answer(render());
}

base::Expected<void> PrometheusScrape::finish() {
  server_->answer(render());  // whoever still waits gets the end
  tell_of_refused(table_, "Prometheus scrape page", tell_);
  return {};
}

}  // namespace gauntlet::engine::sinks
