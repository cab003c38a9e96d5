#include "engine/sinks/push/influxdb.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/parse.hpp"
#include "base/percent.hpp"
#include "engine/results/number_text.hpp"

namespace gauntlet::engine::sinks {
namespace {

/// A request is sent when it has become so long, however little time has passed.
constexpr std::size_t kMostBytesPerPush = 4U << 20U;

/// In names and tags these would end them.
void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == ',' || c == '=' || c == ' ') out += '\\';
    out += c;
  }
}

struct UrlParts {
  std::string address;  // "http://host:8086"
  std::string username;
  std::string password;
  std::string database;
  std::map<std::string, std::string> query;
};

base::Expected<UrlParts> split_url(const std::string& text) {
  UrlParts parts;
  CURLU* url = curl_url();
  const auto part = [&](CURLUPart which, unsigned flags = CURLU_URLDECODE) {
    char* value = nullptr;
    std::string result;
    if (curl_url_get(url, which, &value, flags) == CURLUE_OK && value != nullptr) result = value;
    curl_free(value);
    return result;
  };
  const bool good = curl_url_set(url, CURLUPART_URL, text.c_str(), 0) == CURLUE_OK;
  const std::string scheme = good ? part(CURLUPART_SCHEME) : "";
  if (scheme == "http" || scheme == "https") {
    const std::string port = part(CURLUPART_PORT);
    parts.address = fmt::format("{}://{}{}{}", scheme, part(CURLUPART_HOST), port.empty() ? "" : ":", port);
    parts.username = part(CURLUPART_USER);
    parts.password = part(CURLUPART_PASSWORD);
    parts.database = part(CURLUPART_PATH);
    parts.database.erase(0, 1);
    std::string query = part(CURLUPART_QUERY, 0);
    for (std::size_t begin = 0; begin < query.size();) {
      const std::size_t end = std::min(query.find('&', begin), query.size());
      const std::string pair = query.substr(begin, end - begin);
      if (const std::size_t equals = pair.find('='); equals != std::string::npos)
        parts.query[pair.substr(0, equals)] = pair.substr(equals + 1);
      begin = end + 1;
    }
  }
  curl_url_cleanup(url);
  if (parts.address.empty()) {
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("\"{}\" is no address of an InfluxDB; say --out influxdb=http://127.0.0.1:8086/k6", text));
  }
  return parts;
}

base::Expected<std::map<std::string, InfluxOptions::FieldType>> parse_fields(std::string_view list) {
  using enum InfluxOptions::FieldType;
  std::map<std::string, InfluxOptions::FieldType> fields;
  for (const std::string& part : list_of(list)) {
    const std::size_t colon = part.find(':');
    const std::string type = colon == std::string::npos ? "string" : part.substr(colon + 1);
    const std::map<std::string, InfluxOptions::FieldType> types{
        {"string", InfluxOptions::FieldType::text}, {"int", integer}, {"float", decimal}, {"bool", boolean}};
    const auto found = types.find(type);
    if (found == types.end()) {
      return base::fail(base::ErrorKind::invalid_argument,
                        fmt::format("K6_INFLUXDB_TAGS_AS_FIELDS: \"{}\" is no type; there are string, int, float and bool", type));
    }
    fields[part.substr(0, colon)] = found->second;
  }
  return fields;
}

}  // namespace

base::Expected<InfluxOptions> read_influx_options(const std::string& argument, const Variables& variable) {
  InfluxOptions options;
  const auto or_else = [](std::string text, const char* otherwise) { return text.empty() ? std::string(otherwise) : text; };
  auto url = TRY(split_url(argument.empty() ? or_else(text_of(variable, "K6_INFLUXDB_ADDR"), "http://localhost:8086") : argument));
  const auto setting = [&](const char* key, const char* name) {
    const auto found = url.query.find(key);
    return found != url.query.end() ? found->second : text_of(variable, name);
  };
  options.address = url.address;
  const std::string database = !url.database.empty() ? url.database : or_else(text_of(variable, "K6_INFLUXDB_DB"), "k6");
  options.target.username = !url.username.empty() ? url.username : text_of(variable, "K6_INFLUXDB_USERNAME");
  options.target.password = !url.username.empty() ? url.password : text_of(variable, "K6_INFLUXDB_PASSWORD");
  options.target.headers = {"Content-Type: text/plain; charset=utf-8", "User-Agent: k6"};

  if (const std::string insecure = setting("insecure", "K6_INFLUXDB_INSECURE"); !insecure.empty()) {
    auto value = base::parse_bool(insecure);
    if (!value) return tl::unexpected(std::move(value.error()).in("K6_INFLUXDB_INSECURE"));
    options.target.accept_any_certificate = *value;
  }
  if (const std::string interval = setting("pushInterval", "K6_INFLUXDB_PUSH_INTERVAL"); !interval.empty()) {
    auto value = interval_of([&](const char*) { return interval.c_str(); }, "K6_INFLUXDB_PUSH_INTERVAL", options.push_interval);
    if (!value) return tl::unexpected(std::move(value.error()));
    options.push_interval = *value;
  }
  const std::string precision = or_else(setting("precision", "K6_INFLUXDB_PRECISION"), "ns");
  const std::map<std::string, std::int64_t> units{{"ns", 1},    {"n", 1},          {"us", 1'000},
                                                  {"u", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}};
  const auto unit = units.find(precision);
  if (unit == units.end()) {
    return base::fail(base::ErrorKind::invalid_argument, fmt::format("K6_INFLUXDB_PRECISION: \"{}\" is none of ns, us, ms, s", precision));
  }
  options.time_unit_ns = unit->second;
  auto fields = TRY(parse_fields(or_else(setting("tagsAsFields", "K6_INFLUXDB_TAGS_AS_FIELDS"), "vu:int,iter:int,url")));
  options.tags_as_fields = std::move(fields);

  options.create_url = fmt::format("{}/query?q={}", options.address, base::percent_encode(fmt::format("CREATE DATABASE \"{}\"", database)));
  options.target.url = fmt::format("{}/write?consistency={}&db={}&precision={}&rp={}", options.address,
                                   base::percent_encode(setting("consistency", "K6_INFLUXDB_CONSISTENCY")), base::percent_encode(database),
                                   precision, base::percent_encode(setting("retention", "K6_INFLUXDB_RETENTION")));
  return options;
}

InfluxOutput::InfluxOutput(InfluxOptions options, const metrics::MetricRegistry& registry, Tell tell)
    : options_(std::move(options)), registry_(registry), http_("InfluxDB", options_.target, std::move(tell)) {
  http_.announce(options_.create_url);
}

void InfluxOutput::add_field(std::string& out, std::string_view name, std::string_view value) const {
  using enum InfluxOptions::FieldType;
  const auto field = options_.tags_as_fields.find(std::string(name));
  const InfluxOptions::FieldType type = field == options_.tags_as_fields.end() ? InfluxOptions::FieldType::text : field->second;
  double number = 0;
  const char* end = value.data() + value.size();
  const bool is_number = std::from_chars(value.data(), end, number).ptr == end && !value.empty();
  out += ',';
  append_escaped(out, name);
  out += '=';
  if (type == integer && is_number) {
    out += fmt::format("{}i", static_cast<std::int64_t>(number));
  } else if ((type == decimal && is_number) || (type == boolean && (value == "true" || value == "false"))) {
    out += value;
  } else {
    out += '"';
    for (const char c : value) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
}

void InfluxOutput::define_tags(std::uint32_t producer, std::uint32_t id, const metrics::StreamedTags& tags) {
  const auto pairs = sorted_pairs(tags);
  TagText& text = tags_.define(producer, id);
  text = {};
  for (const auto& [name, value] : pairs) {
    if (value.empty()) continue;  // the protocol has no empty tags
    if (options_.tags_as_fields.contains(std::string(name))) {
      add_field(text.fields, name, value);
      continue;
    }
    text.tags += ',';
    append_escaped(text.tags, name);
    text.tags += '=';
    append_escaped(text.tags, value);
    if (value.back() == '\\') text.tags += ' ';  // or it would escape what follows
  }
}

void InfluxOutput::consume(const metrics::StreamedSample& sample) {
  const TagText& text = tags_.get(sample);
  lines_ += registry_.info(sample.metric).name;
  lines_ += text.tags;
  lines_ += " value=";
  lines_ += results::js_number(sample.value);
  lines_ += text.fields;
  for (const auto& [name, value] : sample.metadata) add_field(lines_, name, value);
  lines_ += ' ';
  lines_ += std::to_string(sample.unix_ns / options_.time_unit_ns);
  lines_ += '\n';
  ++samples_;
  if (lines_.size() >= kMostBytesPerPush) push();
}

void InfluxOutput::push() {
  if (lines_.empty()) return;
  http_.send(std::exchange(lines_, {}), std::exchange(samples_, 0));
}

void InfluxOutput::tick(Clock::time_point now) {
  if (now - pushed_ < options_.push_interval) return;
  pushed_ = now;
  push();
}

base::Expected<void> InfluxOutput::finish() {
  push();
  http_.finish(kFinishPatience);
  return {};
}

}  // namespace gauntlet::engine::sinks
