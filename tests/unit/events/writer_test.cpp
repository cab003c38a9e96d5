#include "events/writer.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace gauntlet::events {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;

/// A store that answers when the test says so.
struct HeldStore : ProgressStore {
  bool available = true;
  struct Write {
    std::vector<std::string> users;
    Done done;
  };
  std::deque<Write> writes;  // not answered yet

  bool is_available() const override { return available; }
  void write(std::span<const Event> events, Done done) override {
    Write write;
    for (const Event& event : events) write.users.push_back(event.user_id);
    write.done = std::move(done);
    writes.push_back(std::move(write));
  }
  base::Expected<void> grave{};  // what bury() answers
  void bury(const Event&, const base::Error&, Buried done) override { done(grave); }
  void answer(base::Expected<Written> outcome) {
    Write write = std::move(writes.front());
    writes.pop_front();
    write.done(std::move(outcome));
  }
};

class WriterTest : public testing::Test {
 protected:
  HeldStore store_;
  Timing::Clock::time_point now_{};
  std::vector<std::pair<Timing::Clock::time_point, std::function<void()>>> later_;
  std::vector<std::string> poisoned_;
  std::vector<Flush> flushes_;
  std::vector<std::string> answers_;
  std::size_t told_waiting_ = 0;

  Writer make(WriterLimits limits = {}) {
    return Writer(store_,
                  {.now = [this] { return now_; },
                   .after = [this](std::chrono::nanoseconds delay,
                                   std::function<void()> task) { later_.emplace_back(now_ + delay, std::move(task)); }},
                  limits,
                  {.on_flush = [this](const Flush& flush) { flushes_.push_back(flush); },
                   .on_failed_flush = {},
                   .on_poison = [this](const Event& event, const base::Error&) { poisoned_.push_back(event.user_id); },
                   .on_waiting = [this](std::size_t events) { told_waiting_ = events; }});
  }
  void submit(Writer& writer, const std::string& user) {
    Event event;
    event.user_id = user;
    writer.submit(event, [this, user](const base::Expected<void>& outcome) {
      answers_.push_back(user + (outcome ? " ok" : " " + std::to_string(static_cast<int>(outcome.error().kind))));
    });
  }
  /// Lets `time` pass.
  void pass(std::chrono::nanoseconds time = 0ns) {
    now_ += time;
    for (bool ran = true; ran;) {
      ran = false;
      for (std::size_t i = 0; i < later_.size(); ++i)
        if (later_[i].first <= now_) {
          const auto task = std::move(later_[i].second);
          later_.erase(later_.begin() + static_cast<std::ptrdiff_t>(i));
          task();
          ran = true;
          break;
        }
    }
  }
  using Strings = std::vector<std::string>;
};

TEST_F(WriterTest, writes_what_came_in_one_round_together_and_answers_after_the_commit) {
  Writer writer = make();
  submit(writer, "a");
  submit(writer, "b");
  pass();
  ASSERT_EQ(store_.writes.size(), 1u);
  EXPECT_EQ(store_.writes[0].users, (Strings{"a", "b"}));
  EXPECT_TRUE(answers_.empty());
  store_.answer({});
  EXPECT_EQ(answers_, (Strings{"a ok", "b ok"}));
  EXPECT_EQ(writer.waiting(), 0u);
}

TEST_F(WriterTest, says_how_many_wait_until_none_does) {
  for (const WriterLimits& limits : {WriterLimits{}, WriterLimits{.buffer_for = 1s}}) {
    Writer writer = make(limits);
    submit(writer, "a");
    submit(writer, "b");
    EXPECT_EQ(told_waiting_, 2u);
    pass(1s);
    submit(writer, "c");
    EXPECT_EQ(told_waiting_, 3u) << "two are being written";
    store_.answer({});
    EXPECT_EQ(told_waiting_, 1u);
    pass(1s);
    store_.answer({});
    EXPECT_EQ(told_waiting_, 0u);
  }
  Writer writer = make();
  submit(writer, "a");
  writer.store_lost({ErrorKind::unavailable, "gone"});
  EXPECT_EQ(told_waiting_, 0u) << "given up";
}

TEST_F(WriterTest, gathers_the_next_batch_while_one_is_being_written) {
  Writer writer = make();
  submit(writer, "a");
  pass();
  submit(writer, "b");
  submit(writer, "c");
  pass();
  EXPECT_EQ(store_.writes.size(), 1u);
  store_.answer({});
  pass();
  ASSERT_EQ(store_.writes.size(), 1u);
  EXPECT_EQ(store_.writes[0].users, (Strings{"b", "c"}));
}

TEST_F(WriterTest, writes_at_most_a_batch_at_once) {
  Writer writer = make({.max_batch = 2});
  for (const char* user : {"a", "b", "c"}) submit(writer, user);
  pass();
  EXPECT_EQ(store_.writes[0].users, (Strings{"a", "b"}));
  store_.answer({});
  pass();
  EXPECT_EQ(store_.writes[0].users, (Strings{"c"}));
  store_.answer({});
  EXPECT_EQ(answers_, (Strings{"a ok", "b ok", "c ok"}));
}

TEST_F(WriterTest, refuses_beyond_its_bound_and_takes_again_afterwards) {
  Writer writer = make({.max_waiting = 2});
  for (const char* user : {"a", "b", "c"}) submit(writer, user);
  EXPECT_EQ(answers_, (Strings{"c 8"}));
  pass();
  store_.answer({});
  submit(writer, "d");
  pass();
  EXPECT_EQ(store_.writes[0].users, (Strings{"d"}));
}

TEST_F(WriterTest, fails_fast_while_the_store_is_away) {
  Writer writer = make();
  submit(writer, "a");
  pass();
  submit(writer, "b");
  store_.available = false;
  store_.answer(base::fail(ErrorKind::unavailable, "gone"));
  writer.store_lost({ErrorKind::unavailable, "gone"});
  submit(writer, "c");
  EXPECT_EQ(answers_, (Strings{"a 14", "b 14", "c 14"}));
  store_.available = true;
  writer.store_back();
  submit(writer, "d");
  pass();
  store_.answer({});
  EXPECT_EQ(answers_.back(), "d ok");
}

TEST_F(WriterTest, isolates_a_poisoned_event_by_bisection) {
  Writer writer = make();
  for (const char* user : {"a", "b", "poison", "d", "e"}) submit(writer, user);
  pass();
  int writes = 0;
  while (!store_.writes.empty()) {
    const auto& users = store_.writes[0].users;
    const bool refused = std::find(users.begin(), users.end(), "poison") != users.end();
    ++writes;
    if (refused) store_.answer(base::fail(ErrorKind::invalid_argument, "no"));
    else store_.answer({});
    pass();
  }
  EXPECT_EQ(poisoned_, (Strings{"poison"}));
  EXPECT_EQ(answers_, (Strings{"a ok", "b ok", "poison ok", "d ok", "e ok"}));
  EXPECT_LE(writes, 7);
}

TEST_F(WriterTest, acknowledges_a_poisoned_event_only_when_it_is_kept) {
  Writer writer = make();
  store_.grave = base::fail(ErrorKind::resource_exhausted, "full");
  submit(writer, "poison");
  pass();
  store_.answer(base::fail(ErrorKind::invalid_argument, "no"));
  EXPECT_EQ(answers_, (Strings{"poison 8"}));
  EXPECT_TRUE(poisoned_.empty());
}

TEST_F(WriterTest, tries_a_deadlocks_victim_again_and_gives_up_in_the_end) {
  Writer writer = make({.max_attempts = 3});
  submit(writer, "a");
  pass();
  for (int attempt = 0; attempt < 3; ++attempt) {
    ASSERT_EQ(store_.writes.size(), 1u) << attempt;
    store_.answer(base::fail(ErrorKind::aborted, "deadlock"));
    pass(1s);
  }
  EXPECT_TRUE(store_.writes.empty());
  EXPECT_EQ(answers_, (Strings{"a 14"}));
}

TEST_F(WriterTest, drains_what_waits) {
  Writer writer = make();
  bool drained = false;
  submit(writer, "a");
  pass();
  submit(writer, "b");
  writer.drain([&] { drained = true; });
  store_.answer({});
  pass();
  EXPECT_FALSE(drained);
  store_.answer({});
  pass();
  EXPECT_TRUE(drained);
}

TEST_F(WriterTest, buffers_when_asked_to_and_writes_at_the_interval_or_when_full) {
  Writer writer = make({.max_batch = 3, .buffer_for = 100ms});
  submit(writer, "a");
  EXPECT_EQ(answers_, (Strings{"a ok"}));
  pass(99ms);
  EXPECT_TRUE(store_.writes.empty());
  pass(1ms);
  ASSERT_EQ(store_.writes.size(), 1u);
  store_.answer({});
  for (const char* user : {"b", "c", "d"}) submit(writer, user);
  pass();
  ASSERT_EQ(store_.writes.size(), 1u);
  EXPECT_EQ(store_.writes[0].users, (Strings{"b", "c", "d"}));
}

TEST_F(WriterTest, writes_buffered_events_at_once_when_it_hurries) {
  Writer writer = make({.buffer_for = 1min});
  submit(writer, "a");
  writer.hurry();
  pass();
  ASSERT_EQ(store_.writes.size(), 1u);
  submit(writer, "b");
  store_.answer({});
  pass();
  EXPECT_EQ(store_.writes.size(), 1u);
  store_.answer({});
  submit(writer, "c");
  pass();
  EXPECT_EQ(store_.writes.size(), 1u);
}

TEST_F(WriterTest, keeps_buffered_events_until_the_store_is_back) {
  Writer writer = make({.max_waiting = 3, .max_batch = 3, .buffer_for = 100ms});
  submit(writer, "a");
  pass(100ms);
  store_.available = false;
  store_.answer(base::fail(ErrorKind::unavailable, "gone"));
  submit(writer, "b");
  pass(10s);
  EXPECT_TRUE(store_.writes.empty());
  submit(writer, "c");
  submit(writer, "d");
  EXPECT_EQ(answers_.back(), "d 8");
  store_.available = true;
  pass(1s);
  ASSERT_EQ(store_.writes.size(), 1u);
  EXPECT_EQ(store_.writes[0].users, (Strings{"a"}));
  store_.answer({});
  pass(1s);
  EXPECT_EQ(store_.writes[0].users, (Strings{"b", "c"}));
}

TEST_F(WriterTest, reports_each_flush_with_its_times) {
  Writer writer = make();
  submit(writer, "a");
  pass();
  submit(writer, "b");
  now_ += 7ms;
  store_.answer(ProgressStore::Written{.rows = 2, .redelivered = 0});
  pass();
  now_ += 1ms;
  store_.answer({});
  ASSERT_EQ(flushes_.size(), 2u);
  EXPECT_EQ(flushes_[0].duration, 7ms);
  EXPECT_EQ(flushes_[0].written.rows, 2);
  EXPECT_EQ(flushes_[1].oldest_wait, 7ms);
}

}  // namespace
}  // namespace gauntlet::events
