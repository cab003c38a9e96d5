#include "events/writer.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace gauntlet::events {
namespace {

using namespace std::chrono_literals;
using base::Error;
using base::ErrorKind;

/// First pause after a deadlock; doubles with each attempt.
constexpr std::chrono::nanoseconds kFirstRetry = 1ms;
/// Pause before a buffered batch that could not be written is tried again.
constexpr std::chrono::nanoseconds kBufferedRetry = 200ms;
/// What an event costs beside its user id.
constexpr std::size_t kEventBytes = sizeof(Event) + sizeof(Writer::Answer) + 32;

std::size_t bytes_of(const Event& event) { return kEventBytes + event.user_id.size() + event.message.size(); }

/// What the platform is told. It redelivers after anything but OK; UNAVAILABLE says that this is worth it.
Error told_to_caller(const Error& error) {
  if (error.kind == ErrorKind::deadline_exceeded || error.kind == ErrorKind::aborted) return {ErrorKind::unavailable, error.message};
  if (error.kind == ErrorKind::not_found) return {ErrorKind::internal, error.message};  // a part of the schema, and none of the caller's
  return error;
}

template <class T>
void move_front(std::vector<T>& from, std::size_t count, std::vector<T>& to) {
  const auto end = from.begin() + static_cast<std::ptrdiff_t>(count);
  to.assign(std::make_move_iterator(from.begin()), std::make_move_iterator(end));
  from.erase(from.begin(), end);
}

}  // namespace

void Writer::Batch::clear() {
  events.clear();
  answers.clear();
  arrived.clear();
}

Writer::Writer(ProgressStore& store, Timing timing, WriterLimits limits, Observer observer)
    : store_(store), timing_(std::move(timing)), limits_(limits), observer_(std::move(observer)) {}

bool Writer::is_full(const Event& event) const {
  return waiting() >= limits_.max_waiting || open_bytes_ + flying_bytes_ + bytes_of(event) > limits_.max_waiting_bytes;
}

void Writer::tell_waiting() const {
  if (observer_.on_waiting) observer_.on_waiting(waiting());
}

void Writer::submit(Event event, Answer answer) {
  if (!limits_.buffer_for && !store_.is_available())
    return answer(base::fail(ErrorKind::unavailable, "PostgreSQL is not available; deliver the event again"));
  if (is_full(event))
    return answer(base::fail(ErrorKind::resource_exhausted, "too many events wait to be committed; deliver the event again"));
  open_bytes_ += bytes_of(event);
  open_.events.push_back(std::move(event));
  open_.arrived.push_back(timing_.now());
  tell_waiting();
  if (!limits_.buffer_for) {
    open_.answers.push_back(std::move(answer));
    return flush_soon();
  }
  if (hurries_ || open_.events.size() >= limits_.max_batch) flush_soon();
  else flush_after_interval();
  answer({});
}

void Writer::flush_soon() {
  if (flush_asked_ || writing_ || open_.events.empty()) return;
  flush_asked_ = true;
  timing_.after(0ns, [this] {
    flush_asked_ = false;
    flush();
  });
}

void Writer::flush_after_interval() {
  if (interval_running_) return;
  interval_running_ = true;
  timing_.after(*limits_.buffer_for, [this] {
    interval_running_ = false;
    flush();
  });
}

void Writer::flush() {
  if (writing_ || open_.events.empty()) return;
  if (!store_.is_available()) {
    if (limits_.buffer_for) flush_after_interval();
    return;  // in default mode store_lost() answers what is open
  }
  if (open_.events.size() <= limits_.max_batch) {
    std::swap(open_, flying_);
    flying_bytes_ = std::exchange(open_bytes_, 0);
  } else {
    move_front(open_.events, limits_.max_batch, flying_.events);
    move_front(open_.arrived, limits_.max_batch, flying_.arrived);
    if (!open_.answers.empty()) move_front(open_.answers, limits_.max_batch, flying_.answers);
    flying_bytes_ = 0;
    for (const Event& event : flying_.events) flying_bytes_ += bytes_of(event);
    open_bytes_ -= flying_bytes_;
  }
  writing_ = true;
  parts_.push_back({0, flying_.events.size()});
  next_part();
}

void Writer::next_part() {
  if (!parts_.empty()) {
    const Part part = parts_.back();
    parts_.pop_back();
    return write_part(part, 1);
  }
  flying_.clear();
  flying_bytes_ = 0;
  tell_waiting();
  writing_ = false;
  if (!limits_.buffer_for || hurries_ || open_.events.size() >= limits_.max_batch) flush_soon();
  else if (!open_.events.empty()) flush_after_interval();
  finish_if_drained();
}

void Writer::write_part(Part part, int attempt) {
  sent_ = timing_.now();
  const auto events = std::span<const Event>(flying_.events).subspan(part.begin, part.end - part.begin);
  store_.write(events,
               [this, part, attempt](base::Expected<ProgressStore::Written> outcome) { part_done(part, attempt, std::move(outcome)); });
}

void Writer::part_done(Part part, int attempt, base::Expected<ProgressStore::Written> outcome) {
  const std::size_t events = part.end - part.begin;
  if (outcome) {
    if (observer_.on_flush)
      observer_.on_flush({.written_events = std::span<const Event>(flying_.events).subspan(part.begin, events),
                          .arrived = std::span<const Timing::Clock::time_point>(flying_.arrived).subspan(part.begin, events),
                          .committed = timing_.now(),
                          .events = events,
                          .written = *outcome,
                          .duration = timing_.now() - sent_,
                          .oldest_wait = sent_ - flying_.arrived[part.begin]});
    answer_part(part, {});
    return next_part();
  }
  const Error& error = outcome.error();
  if (error.kind == ErrorKind::aborted && attempt < limits_.max_attempts) {
    timing_.after(kFirstRetry * (1 << (attempt - 1)), [this, part, attempt] { write_part(part, attempt + 1); });
    return;
  }
  if (error.kind == ErrorKind::invalid_argument || error.kind == ErrorKind::already_exists) {
    if (events > 1) {
      const std::size_t middle = part.begin + events / 2;
      parts_.push_back({middle, part.end});
      parts_.push_back({part.begin, middle});
      return next_part();
    }
    return bury(part, error);
  }
  if (observer_.on_failed_flush) observer_.on_failed_flush(error, events, timing_.now() - sent_);
  if (limits_.buffer_for) return write_again_later(part);
  answer_part(part, tl::unexpected<Error>(told_to_caller(error)));
  next_part();
}

/// The part is one event. Only a dead letter that is kept lets it be answered OK.
void Writer::bury(Part part, const Error& why) {
  store_.bury(flying_.events[part.begin], why, [this, part, why](base::Expected<void> kept) {
    if (kept) {
      if (observer_.on_poison) observer_.on_poison(flying_.events[part.begin], why);
      answer_part(part, {});
      return next_part();
    }
    if (observer_.on_failed_flush) observer_.on_failed_flush(Error(kept.error()).in("keeping a dead letter"), 1, timing_.now() - sent_);
    // In buffered mode it has been answered. Where there is no room for it, it is lost rather than holding up the others.
    if (limits_.buffer_for && kept.error().kind != ErrorKind::resource_exhausted) return write_again_later(part);
    answer_part(part, tl::unexpected<Error>(told_to_caller(kept.error())));
    next_part();
  });
}

void Writer::write_again_later(Part part) {
  timing_.after(kBufferedRetry, [this, part] {
    if (store_.is_available()) write_part(part, 1);
    else write_again_later(part);
  });
}

void Writer::answer_part(Part part, const base::Expected<void>& outcome) {
  if (flying_.answers.empty()) return;
  for (std::size_t i = part.begin; i < part.end; ++i) std::exchange(flying_.answers[i], nullptr)(outcome);
}

void Writer::store_lost(const Error& why) {
  if (limits_.buffer_for) return;
  Batch lost = std::exchange(open_, {});
  open_bytes_ = 0;
  tell_waiting();
  const base::Expected<void> outcome = base::fail(ErrorKind::unavailable, why.message);
  for (Answer& answer : lost.answers) answer(outcome);
  finish_if_drained();
}

void Writer::hurry() {
  hurries_ = true;
  flush_soon();
}

void Writer::drain(std::function<void()> done) {
  drained_ = std::move(done);
  hurry();
  finish_if_drained();
}

void Writer::finish_if_drained() {
  if (drained_ && waiting() == 0) timing_.after(0ns, std::exchange(drained_, nullptr));
}

}  // namespace gauntlet::events
