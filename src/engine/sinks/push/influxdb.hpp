#pragma once
// `--out influxdb=http://HOST:8086/DATABASE`: every sample as a line of InfluxDB's version 1 protocol
// (https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/), as k6 writes it; also for
// VictoriaMetrics, Telegraf and InfluxDB 2 by its version 1 API.
//
// K6_INFLUXDB_ADDR (http://localhost:8086), _DB (k6), _USERNAME, _PASSWORD, _INSECURE, _PUSH_INTERVAL (1s), _PRECISION
// (ns), _RETENTION, _CONSISTENCY, _TAGS_AS_FIELDS (vu:int,iter:int,url; types string, int, float, bool).
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/metrics/metric.hpp"
#include "engine/sinks/push/http_push.hpp"
#include "engine/sinks/sample_output.hpp"
#include "engine/sinks/sample_text.hpp"

namespace gauntlet::engine::sinks {

struct InfluxOptions {
  enum class FieldType : std::uint8_t { text, integer, decimal, boolean };

  PushTarget target;       ///< url: where lines are written
  std::string address;     ///< as given, for the header
  std::string create_url;  ///< creates the database
  std::chrono::nanoseconds push_interval{std::chrono::seconds(1)};
  std::int64_t time_unit_ns = 1;
  std::map<std::string, FieldType> tags_as_fields;

  std::string description() const { return "InfluxDBv1 (" + address + ")"; }
};
/// `argument`: what stands behind `=` in --out; its address and database win over the variables'.
base::Expected<InfluxOptions> read_influx_options(const std::string& argument, const Variables& variable);

class InfluxOutput final : public SampleOutput {
 public:
  InfluxOutput(InfluxOptions options, const metrics::MetricRegistry& registry, Tell tell);

  void define_tags(std::uint32_t producer, std::uint32_t id, const metrics::StreamedTags& tags) override;
  void forget_tags(std::uint32_t producer) override { tags_.forget(producer); }
  void consume(const metrics::StreamedSample& sample) override;
  void tick(Clock::time_point now) override;
  base::Expected<void> finish() override;

 private:
  struct TagText {
    std::string tags;    // ",name=value"
    std::string fields;  // ",name=value" behind the value
  };

  void add_field(std::string& out, std::string_view name, std::string_view value) const;
  void push();

  const InfluxOptions options_;
  const metrics::MetricRegistry& registry_;
  HttpPush http_;
  TagTexts<TagText> tags_;
  std::string lines_;
  std::uint64_t samples_ = 0;
  Clock::time_point pushed_ = Clock::now();
};

}  // namespace gauntlet::engine::sinks
