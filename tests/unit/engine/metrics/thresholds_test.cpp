#include "engine/metrics/thresholds.hpp"

#include <gtest/gtest.h>

#include "engine/metrics/collector.hpp"

namespace gauntlet::engine::metrics {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ThresholdExpression, is_read_as_k6_reads_it) {
  struct Row {
    const char* text;
    const char* aggregation;
    double limit;
    double holds;
    double fails;
  };
  for (const Row& row :
       {Row{"p(95)<500", "p(95)", 500, 499, 500}, Row{" count  >=  0.0 ", "count", 0, 0, -1}, Row{"p(50)  < 1.5e1", "p(50)", 15, 14, 16},
        Row{"count<-5", "count", -5, -6, 0}, Row{"count>+5", "count", 5, 6, 5}, Row{"count>.5", "count", 0.5, 1, 0.5},
        Row{"rate==0.5", "rate", 0.5, 0.5, 0.4}, Row{"rate===0.5", "rate", 0.5, 0.5, 0.4}, Row{"value!=5", "value", 5, 4, 5},
        Row{"count>=1_000", "count", 1000, 1000, 999}, Row{"med<=3", "med", 3, 3, 3.1}, Row{"p(99.999)<5", "p(99.999)", 5, 4, 5}}) {
    const auto expression = parse_threshold(row.text);
    ASSERT_TRUE(expression) << row.text;
    EXPECT_EQ(expression->source, row.text);
    EXPECT_EQ(expression->aggregation, row.aggregation);
    EXPECT_EQ(expression->limit, row.limit);
    EXPECT_TRUE(expression->holds(row.holds)) << row.text;
    EXPECT_FALSE(expression->holds(row.fails)) << row.text;
  }
}

TEST(ThresholdExpression, errors_say_what_cannot_be_read_and_what_can) {
  const auto error = [](const char* text) { return parse_threshold(text).error().message; };
  EXPECT_EQ(error("count"), R"(the threshold "count" compares nothing: write p(95)<200 or rate>0.9)");
  EXPECT_EQ(error(""), R"(the threshold "" compares nothing: write p(95)<200 or rate>0.9)");
  EXPECT_EQ(error("count=5"), R"(the threshold "count=5" compares nothing: write p(95)<200 or rate>0.9)");
  EXPECT_EQ(error("count>"), R"(the threshold "count>" cannot be read: "" is no number)");
  EXPECT_EQ(error("count>x"), R"(the threshold "count>x" cannot be read: "x" is no number)");
  EXPECT_EQ(error("p(100.5)<1"), "the threshold \"p(100.5)<1\" cannot be read: a percentile is from 0 to 100, and \"p(100.5)\" is not");
  EXPECT_EQ(error("p(-1)<1"), "the threshold \"p(-1)<1\" cannot be read: a percentile is from 0 to 100, and \"p(-1)\" is not");
  EXPECT_EQ(error("count<>5"), R"(the threshold "count<>5" cannot be read: ">5" is no number)");
  EXPECT_EQ(error("count>0x10"), R"(the threshold "count>0x10" cannot be read: "0x10" is no number)");
  EXPECT_EQ(error("foo>1"),
            R"(the threshold "foo>1" cannot be read: there is no "foo"; there are count, rate, value, avg, min, max, med and p(95))");
  EXPECT_EQ(
      error("count>1 && rate<2"),
      R"(the threshold "count>1 && rate<2" cannot be read: there is no "count>1 && rate"; there are count, rate, value, avg, min, max, med and p(95))");
  EXPECT_EQ(error("p()<5"), R"(the threshold "p()<5" cannot be read: "" is no number)");
  EXPECT_EQ(error("p( 95 )<5"), R"(the threshold "p( 95 )<5" cannot be read: " 95 " is no number)");
}

class ThresholdKeys : public testing::Test {
 protected:
  ThresholdKeys() {
    static_cast<void>(registry_.declare("cc", MetricType::counter, ValueKind::plain));
    static_cast<void>(registry_.declare("tt", MetricType::trend, ValueKind::plain));
  }
  std::string error(const char* key, const char* expression) {
    Thresholds thresholds;
    const auto added = thresholds.add(registry_, key, {{.expression = expression}});
    return added ? "" : added.error().message;
  }
  MetricRegistry registry_;
};

TEST_F(ThresholdKeys, errors_are_k6s_words) {
  EXPECT_EQ(error("zz{a:b}", "count>5"), R"(invalid threshold defined on zz{a:b}; reason: no metric name "zz{a:b}" found)");
  EXPECT_EQ(
      error("http_req_duraton", "avg<5"),
      R"(invalid threshold defined on http_req_duraton; reason: no metric name "http_req_duraton" found; did you mean http_req_duration?)");
  EXPECT_EQ(
      error("cc", "avg<5"),
      R"(invalid threshold "avg<5" applied on metric cc; reason: unsupported aggregation method avg on metric of type counter. supported aggregation methods for this metric are: count, rate)");
  EXPECT_EQ(
      error("tt", "count>5"),
      R"(invalid threshold "count>5" applied on metric tt; reason: unsupported aggregation method count on metric of type trend. supported aggregation methods for this metric are: avg, min, max, med, p)");
  EXPECT_EQ(
      error("cc", "p(95)<5"),
      R"(invalid threshold "p(95)<5" applied on metric cc; reason: unsupported aggregation method p on metric of type counter. supported aggregation methods for this metric are: count, rate)");
  for (const char* key : {"cc{", "cc}", "cc{}", "cc{a}", "cc{a:}", "cc{a:b,}"}) {
    EXPECT_EQ(error(key, "count>5"), std::string("unable to validate threshold expressions; reason: \"") + key +
                                         "\" is no metric with tags: write http_req_duration{status:200,method:GET}");
  }
  EXPECT_EQ(error("cc{:b}", "count>=0"), "");
}

TEST_F(ThresholdKeys, tags_may_be_quoted_and_their_values_hold_colons) {
  const auto key = parse_metric_key(R"(tt{a:b, c : "d e", group:::outer::inner })");
  ASSERT_TRUE(key);
  EXPECT_EQ(key->name, "tt");
  EXPECT_EQ(key->suffix, R"(a:b, c : "d e", group:::outer::inner)");
  EXPECT_EQ(key->tags, (std::vector<std::pair<std::string, std::string>>{{"a", "b"}, {"c", "d e"}, {"group", "::outer::inner"}}));
}

TEST_F(ThresholdKeys, the_same_tags_in_another_order_are_one_submetric) {
  Thresholds thresholds;
  ASSERT_TRUE(thresholds.add(registry_, "tt{b:2,a:1}", {{.expression = "avg<1"}}));
  ASSERT_TRUE(thresholds.add(registry_, "tt{a:1,b:2}", {{.expression = "avg<2"}}));
  EXPECT_EQ(registry_.find("tt")->submetrics.size(), 1U);
  ASSERT_EQ(thresholds.groups().size(), 1U);
  EXPECT_EQ(thresholds.groups()[0].thresholds.size(), 2U);
}

class ThresholdVerdicts : public ThresholdKeys {
 protected:
  void add(const char* key, const char* expression, bool abort = false, seconds delay = seconds(0)) {
    const auto added = thresholds_.add(registry_, key, {{expression, abort, delay}});
    ASSERT_TRUE(added) << added.error().message;
  }
  bool ok(std::string_view name) const {
    for (const ThresholdGroup& group : thresholds_.groups()) {
      if (group.name == name) return group.ok();
    }
    ADD_FAILURE() << name;
    return false;
  }
  Thresholds thresholds_;
};

TEST_F(ThresholdVerdicts, without_samples_follow_k6) {
  add("cc", "count>0");
  add("tt", "p(95)<500");
  add("checks", "rate>0.9");
  add("vus", "value>0");
  Collector collector(registry_, {}, {});
  const Snapshot& empty = collector.finish(Instant(seconds(1)));
  thresholds_.evaluate(empty, Thresholds::When::during_run);
  EXPECT_TRUE(thresholds_.crossed().empty());
  thresholds_.evaluate(empty, Thresholds::When::at_end);
  EXPECT_FALSE(ok("cc"));
  EXPECT_TRUE(ok("tt"));
  EXPECT_TRUE(ok("checks"));
  EXPECT_FALSE(ok("vus"));
  EXPECT_EQ(thresholds_.crossed_message(false), "thresholds on metrics 'cc, vus' have been crossed");
}

TEST_F(ThresholdVerdicts, look_at_the_samples_with_all_of_the_tags) {
  add("tt{a:1,b:2}", "max<10");
  add("tt{a:1}", "max<10");
  add("tt", "max<100");
  Collector collector(registry_, {}, {});
  auto recorder = collector.make_recorder(nullptr);
  const MetricId tt = registry_.find("tt")->id;
  TagTable& table = recorder->tags();
  recorder->add(tt, TagBuilder(table, table.empty()).set("a", "1").set("b", "3").intern(), 50, {});
  recorder->add(tt, TagBuilder(table, table.empty()).set("a", "1").set("b", "2").set("c", "x").intern(), 5, {});
  recorder->add(tt, table.empty(), 99, {});
  thresholds_.evaluate(collector.finish(Instant(seconds(1))), Thresholds::When::at_end);
  EXPECT_EQ(thresholds_.crossed(), std::vector<std::string>{"tt{a:1}"});
}

TEST_F(ThresholdVerdicts, abort_once_the_delay_has_passed) {
  add("cc", "count<3", true, seconds(2));
  Collector collector(registry_, {}, {});
  auto recorder = collector.make_recorder(nullptr);
  recorder->add(registry_.find("cc")->id, recorder->tags().empty(), 7, {});
  thresholds_.evaluate(collector.sample(Instant(milliseconds(1999))), Thresholds::When::during_run);
  EXPECT_FALSE(thresholds_.should_abort());
  EXPECT_FALSE(ok("cc"));
  thresholds_.evaluate(collector.sample(Instant(seconds(2))), Thresholds::When::during_run);
  EXPECT_TRUE(thresholds_.should_abort());
  EXPECT_EQ(thresholds_.crossed_message(true),
            "thresholds on metrics 'cc' were crossed; at least one has abortOnFail enabled, stopping test prematurely");
}

TEST(CounterRate, over_no_time_is_none) {
  Sink counter;
  counter.samples = 1;
  counter.sum = 3;
  EXPECT_EQ(counter.aggregate("rate", 2), 1.5);
  EXPECT_EQ(counter.aggregate("rate", 0), std::nullopt);
}

TEST_F(ThresholdVerdicts, a_counters_rate_is_per_second_of_the_test) {
  add("cc", "rate>1.9");
  Collector collector(registry_, {}, {});
  auto recorder = collector.make_recorder(nullptr);
  recorder->add(registry_.find("cc")->id, recorder->tags().empty(), 8, {});
  thresholds_.evaluate(collector.sample(Instant(seconds(4))), Thresholds::When::during_run);
  EXPECT_TRUE(ok("cc"));
  thresholds_.evaluate(collector.sample(Instant(seconds(5))), Thresholds::When::during_run);
  EXPECT_FALSE(ok("cc"));
}

}  // namespace
}  // namespace gauntlet::engine::metrics
