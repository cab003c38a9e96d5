#include "engine/sinks/push/receivers.hpp"

#include <array>
#include <utility>

#include "engine/sinks/push/influxdb.hpp"
#include "engine/sinks/push/opentelemetry.hpp"
#include "engine/sinks/push/prometheus_remote_write.hpp"
#include "engine/sinks/push/prometheus_scrape.hpp"

namespace gauntlet::engine::sinks {
namespace {

using Opened = base::Expected<std::unique_ptr<SampleOutput>>;

template <class Output, auto kReadOptions>
base::Expected<ReceiverSpec> read(const std::string& argument, const Variables& variable) {
  auto options = kReadOptions(argument, variable);
  if (!options) return tl::unexpected(std::move(options.error()));
  std::string description = options->description();
  return ReceiverSpec{.label = {},
                      .description = std::move(description),
                      .open = [options = std::move(*options)](const metrics::MetricRegistry& registry, const Tell& tell) -> Opened {
                        if constexpr (requires { &Output::serve; }) return Output::serve(options, registry, tell);
                        else return std::make_unique<Output>(options, registry, tell);
                      }};
}

constexpr auto kRemoteWrite = &read<PrometheusRemoteWrite, read_remote_write_options>;
constexpr auto kOpenTelemetry = &read<OpenTelemetryOutput, read_open_telemetry_options>;

constexpr std::array kReceivers = {
    Receiver{"experimental-opentelemetry", "opentelemetry", true, kOpenTelemetry},
    Receiver{"experimental-prometheus-rw", "prometheus-rw", true, kRemoteWrite},
    Receiver{"influxdb", "influxdb", true, &read<InfluxOutput, read_influx_options>},
    Receiver{"opentelemetry", "opentelemetry", true, kOpenTelemetry},
    Receiver{"prometheus", "prometheus", false, &read<PrometheusScrape, read_scrape_options>},
    Receiver{"prometheus-rw", "prometheus-rw", false, kRemoteWrite},
};

}  // namespace

std::span<const Receiver> receivers() { return kReceivers; }

}  // namespace gauntlet::engine::sinks
