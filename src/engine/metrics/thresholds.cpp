#include "engine/metrics/thresholds.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <vector>

#include "base/text.hpp"

namespace gauntlet::engine::metrics {
namespace {

using Operator = ThresholdExpression::Operator;

struct OperatorName {
  std::string_view text;
  Operator op;
};
// In the order in which k6 looks for them: the first one that occurs divides the expression.
constexpr OperatorName kOperators[] = {
    {">=", Operator::greater_equal}, {"<=", Operator::less_equal}, {"<", Operator::less},       {">", Operator::greater},
    {"===", Operator::strict_equal}, {"==", Operator::equal},      {"!=", Operator::not_equal},
};

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

/// A number with an exponent or underscores, but not hexadecimal.
base::Expected<double> parse_float(std::string_view text) {
  std::string digits(text);
  std::erase(digits, '_');
  std::string_view rest = digits;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  const bool hexadecimal = rest.size() > 1 && (rest[1] == 'x' || rest[1] == 'X');
  const bool signed_twice = rest.starts_with('-');
  if (rest.empty() || hexadecimal || signed_twice || error == std::errc::invalid_argument || end != rest.data() + rest.size()) {
    return base::fail(base::ErrorKind::invalid_argument, quoted(text) + " is no number");
  }
  if (error == std::errc::result_out_of_range) {
    return base::fail(base::ErrorKind::out_of_range, quoted(text) + " is too large for a number");
  }
  return negative ? -value : value;
}

/// The left hand side: nothing when it names an aggregation, else what is wrong.
base::Expected<void> check_aggregation(std::string_view text) {
  for (const std::string_view known : {"count", "rate", "value", "avg", "min", "max", "med"}) {
    if (text == known) return {};
  }
  if (text.starts_with("p(") && text.ends_with(')')) {
    const auto percent = parse_float(text.substr(2, text.size() - 3));
    if (!percent) {
      return base::fail(base::ErrorKind::invalid_argument, percent.error().message);
    }
    if (!(*percent >= 0 && *percent <= 100)) {
      return base::fail(base::ErrorKind::invalid_argument, "a percentile is from 0 to 100, and " + quoted(text) + " is not");
    }
    return {};
  }
  return base::fail(base::ErrorKind::invalid_argument,
                    "there is no " + quoted(text) + "; there are count, rate, value, avg, min, max, med and p(95)");
}

std::string_view supported_aggregations(MetricType type) {
  switch (type) {
    case MetricType::counter: return "count, rate";
    case MetricType::gauge: return "value";
    case MetricType::rate: return "rate";
    case MetricType::trend: return "avg, min, max, med, p";
  }
  return "";
}

bool supports(MetricType type, std::string_view aggregation) {
  if (aggregation.starts_with("p(")) aggregation = "p";
  std::string_view rest = supported_aggregations(type);
  while (!rest.empty()) {
    const std::size_t comma = rest.find(", ");
    if (rest.substr(0, comma) == aggregation) return true;
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 2);
  }
  return false;
}

double value_of(const Sink& sink, const std::string& aggregation, double elapsed_s) {
  if (sink.type == MetricType::trend && aggregation.starts_with("p(")) {
    const double percent = parse_float(std::string_view(aggregation).substr(2, aggregation.size() - 3)).value_or(0);
    return sink.values.percentile(percent / 100);
  }
  return sink.aggregate(aggregation, elapsed_s).value_or(0);
}

const Sink* sink_of(const ThresholdGroup& group, const Snapshot& snapshot) {
  const MetricState* metric = snapshot.find(group.metric);
  if (metric == nullptr) return nullptr;
  return group.submetric ? &metric->submetrics[*group.submetric] : &metric->total;
}

}  // namespace

bool ThresholdExpression::holds(double value) const {
  switch (op) {
    case Operator::less: return value < limit;
    case Operator::less_equal: return value <= limit;
    case Operator::greater: return value > limit;
    case Operator::greater_equal: return value >= limit;
    case Operator::equal:
    case Operator::strict_equal: return value == limit;
    case Operator::not_equal: return value != limit;
  }
  return false;
}

base::Expected<ThresholdExpression> parse_threshold(std::string_view text) {
  const auto fail = [](std::string message) { return base::fail(base::ErrorKind::invalid_argument, std::move(message)); };
  for (const auto& [symbol, op] : kOperators) {
    const std::size_t at = text.find(symbol);
    if (at == std::string_view::npos) continue;
    ThresholdExpression expression;
    expression.source = text;
    expression.aggregation = base::trimmed(text.substr(0, at), base::kWhiteSpace);
    expression.op = op;
    if (const auto valid = check_aggregation(expression.aggregation); !valid) {
      return fail("the threshold " + quoted(text) + " cannot be read: " + valid.error().message);
    }
    const auto limit = parse_float(base::trimmed(text.substr(at + symbol.size()), base::kWhiteSpace));
    if (!limit) {
      return fail("the threshold " + quoted(text) + " cannot be read: " + limit.error().message);
    }
    expression.limit = *limit;
    return expression;
  }
  return fail("the threshold " + quoted(text) + " compares nothing: write p(95)<200 or rate>0.9");
}

bool ThresholdGroup::ok() const {
  return std::all_of(thresholds.begin(), thresholds.end(), [](const Threshold& threshold) { return threshold.ok; });
}

base::Expected<void> Thresholds::add(MetricRegistry& registry, std::string_view key, const std::vector<ThresholdSpec>& specs) {
  std::vector<Threshold> thresholds;
  for (const ThresholdSpec& spec : specs) {
    auto expression = parse_threshold(spec.expression);
    if (!expression) return tl::unexpected(std::move(expression.error()).in(std::string(key)));
    thresholds.push_back({.expression = std::move(*expression),
                          .abort_on_fail = spec.abort_on_fail,
                          .delay_abort_eval = spec.delay_abort_eval.value_or(std::chrono::nanoseconds(0)),
                          .ok = true,
                          .last_value = std::nullopt});
  }
  auto parsed = parse_metric_key(key);
  if (!parsed) return tl::unexpected(std::move(parsed.error()).in("unable to validate threshold expressions; reason"));
  const MetricInfo* metric = registry.find(parsed->name);
  if (metric == nullptr) {
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < registry.size(); ++i) names.emplace_back(registry.info(static_cast<MetricId>(i)).name);
    return base::fail(base::ErrorKind::not_found, "invalid threshold defined on " + std::string(key) + "; reason: no metric name " +
                                                      quoted(key) + " found" + base::did_you_mean(parsed->name, names));
  }
  for (const Threshold& threshold : thresholds) {
    if (supports(metric->type, threshold.expression.aggregation)) continue;
    std::string_view method = threshold.expression.aggregation;
    if (method.starts_with("p(")) method = "p";
    return base::fail(base::ErrorKind::invalid_argument,
                      "invalid threshold " + quoted(threshold.expression.source) + " applied on metric " + std::string(key) +
                          "; reason: unsupported aggregation method " + std::string(method) + " on metric of type " +
                          std::string(name_of(metric->type)) +
                          ". supported aggregation methods for this metric are: " + std::string(supported_aggregations(metric->type)));
  }

  ThresholdGroup group;
  group.metric = metric->id;
  group.name = parsed->name;
  if (parsed->has_tags) {
    group.name += '{' + parsed->suffix + '}';
    registry.add_submetric(metric->id, {.name = group.name, .suffix = parsed->suffix, .tags = parsed->tags, .from_threshold = true});
    const auto same = std::find_if(metric->submetrics.begin(), metric->submetrics.end(),
                                   [&](const Submetric& submetric) { return submetric.tags == parsed->tags; });
    group.name = same->name;
    group.submetric = static_cast<std::size_t>(same - metric->submetrics.begin());
  } else {
    for (const ThresholdSpec& spec : specs) registry.add_threshold(metric->id, spec);
  }
  group.thresholds = std::move(thresholds);

  const auto at = std::lower_bound(groups_.begin(), groups_.end(), group.name,
                                   [](const ThresholdGroup& existing, const std::string& name) { return existing.name < name; });
  if (at != groups_.end() && at->name == group.name) {
    for (Threshold& threshold : group.thresholds) at->thresholds.push_back(std::move(threshold));
  } else {
    groups_.insert(at, std::move(group));
  }
  return {};
}

void Thresholds::evaluate(const Snapshot& snapshot, When when) {
  for (ThresholdGroup& group : groups_) {
    const Sink* sink = sink_of(group, snapshot);
    const bool empty = sink == nullptr || sink->empty();
    if (empty && when == When::during_run) continue;
    for (Threshold& threshold : group.thresholds) {
      const double value = sink == nullptr ? 0 : value_of(*sink, threshold.expression.aggregation, snapshot.elapsed_s());
      threshold.last_value = value;
      // Nobody adds a sample for what was not dropped: that is known to be 0.
      threshold.has_samples = !empty || (group.metric == MetricId::dropped_iterations && !group.submetric);
      const bool vacuous = empty && sink != nullptr && sink->type == MetricType::rate;
      threshold.ok = vacuous || threshold.expression.holds(value);
      if (!threshold.ok && threshold.abort_on_fail && snapshot.elapsed >= threshold.delay_abort_eval) should_abort_ = true;
    }
  }
}

std::vector<std::string> Thresholds::crossed() const {
  std::vector<std::string> names;
  for (const ThresholdGroup& group : groups_) {
    if (!group.ok()) names.push_back(group.name);
  }
  return names;
}

std::string Thresholds::crossed_message(bool aborted) const {
  std::string message = "thresholds on metrics '";
  const char* separator = "";
  for (const std::string& name : crossed()) {
    message.append(separator).append(name);
    separator = ", ";
  }
  return message + (aborted ? "' were crossed; at least one has abortOnFail enabled, stopping test prematurely" : "' have been crossed");
}

const ThresholdGroup* Thresholds::find(MetricId metric, std::optional<std::size_t> submetric) const {
  for (const ThresholdGroup& group : groups_) {
    if (group.metric == metric && group.submetric == submetric) return &group;
  }
  return nullptr;
}

}  // namespace gauntlet::engine::metrics
