#include "engine/api/http/body_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/duration.hpp"
#include "base/event_loop.hpp"
#include "engine/api/core/network_string.hpp"
#include "engine/script/binding.hpp"
#include "engine/script/fiber/fiber.hpp"
#include "engine/script/native_memory.hpp"
#include "engine/users/test_state.hpp"
#include "engine/users/vu_context.hpp"
#include "engine/wire/http/event_stream.hpp"
#include "engine/wire/http/http2_session.hpp"

namespace gauntlet::engine::api {
namespace {

using metrics::MetricId;
using script::Call;
using script::Value;

enum class Unit : std::uint8_t { bytes, event };

class BodyStream;

/// A virtual user's streams that are not closed: vu.slot<BodyStreams>().
class BodyStreams {
 public:
  explicit BodyStreams(users::VuContext& vu) {
    vu.on_iteration_end([this](bool) { close_all(); });
  }
  ~BodyStreams() { close_all(); }
  BodyStreams(const BodyStreams&) = delete;
  BodyStreams& operator=(const BodyStreams&) = delete;

  void keep(std::shared_ptr<BodyStream> stream) { open_.push_back(std::move(stream)); }
  void drop(const BodyStream* stream) {
    std::erase_if(open_, [&](const auto& each) { return each.get() == stream; });
  }

 private:
  void close_all();

  std::vector<std::shared_ptr<BodyStream>> open_;
};

constexpr std::size_t kMostEventBytes = std::size_t{16} << 20;

/// What has come waits in the fetch, which reads no more than a bound ahead of the script.
class BodyStream final : private wire::HttpFetch::Listener, public std::enable_shared_from_this<BodyStream> {
 public:
  BodyStream(HttpState& state, PooledFetch fetch, const wire::HttpFetch& head, HttpSamples samples, std::shared_ptr<wire::CookieJar> jar)
      : vu_(state.vu()),
        samples_(std::move(samples)),
        jar_(std::move(jar)),
        tags_(metrics::Tags::keep(samples_.tag_set(head, vu_.recorder(), vu_.tags()))),
        events_(std::min(vu_.test().heap_bytes_per_vu, kMostEventBytes)),
        sent_at_(fetch->sent_at()),
        fetch_(std::move(fetch)) {
    fetch_->listener = this;
    note_arrival();
    if (fetch_->exchange.is_streamed && fetch_->exchange.head.has_encoding)
      packed_ = wire::field_value(fetch_->exchange.head.fields, "content-encoding");
  }
  ~BodyStream() override {
    if (fetch_->is_running()) fetch_->cancel();
  }

  [[nodiscard]] bool charge(JSContext* context) {
    constexpr std::size_t kBytes = 4096;  // with its fetch
    // What has come and what is being taken, each as much as may come unread.
    const bool is_http2 = fetch_->exchange.response_head.starts_with("HTTP/2");
    return memory_.charge(context, kBytes + 2 * (is_http2 ? wire::Http2Session::kStreamWindowBytes : wire::HttpLimits::kStreamedBytes));
  }

  /// The next one; undefined at the end. Suspends the fiber.
  JSValue read(JSContext* context, Unit unit) {
    if (is_being_read()) return throw_busy(context);
    for (;;) {
      JSValue item = JS_UNDEFINED;
      if (take(context, unit, item)) return item;
      fiber::Awaited<> more;
      waiter_ = &more;
      fetch_->expect_body();
      const bool came = more.wait().has_value();
      waiter_ = nullptr;
      if (!came) return vu_.throw_interrupted();
    }
  }

  /// A promise of the iterator's result. `reader` stays alive as long.
  JSValue read_later(JSContext* context, Unit unit, JSValueConst reader) {
    JSValue item = JS_UNDEFINED;
    if (is_being_read()) {
      throw_busy(context);
      return script::rejected(context);
    }
    if (take(context, unit, item))
      return JS_IsException(item) ? script::rejected(context) : script::resolved(context, result(context, item));
    pending_.emplace(Pending{script::Deferred(context), vu_.start_operation(), Value::copy(context, reader), unit});
    fetch_->expect_body();
    return pending_->deferred.promise();
  }

  /// Ends it where it is; who awaits more is told that this was all. On the fiber, as all that scripts call, for somebody who holds it.
  void close() {
    leave();
    settle();
  }
  /// As close(), without a word.
  void leave() {
    rest_ = {};
    if (fetch_->is_running()) fetch_->close();
    retire();
  }
  void forget_reader() { pending_.reset(); }

 private:
  using Instant = base::EventLoop::Clock::time_point;
  struct Arrival {
    std::uint64_t end;  // of the body's bytes that had come
    Instant at;
  };
  struct Pending {
    script::Deferred deferred;
    users::Operation operation;
    Value reader;
    Unit unit;
  };

  bool is_being_read() const { return waiter_ != nullptr || pending_.has_value(); }
  static JSValue throw_busy(JSContext* context) {
    return script::throw_error(context, "the stream is being read already: wait for what that gives");
  }

  /// False when the next one has not come yet; `item` is undefined at the end.
  bool take(JSContext* context, Unit unit, JSValue& item) {
    if (!packed_.empty()) {
      item = script::throw_error(context,
                                 fmt::format("a body with Content-Encoding {} cannot be streamed: leave Accept-Encoding out", packed_));
      return true;
    }
    while (!is_closed_) {
      if (rest_.empty()) {
        fetch_->take_body(chunk_);
        rest_ = chunk_.view();
        taken_ += rest_.size();
      }
      if (rest_.empty()) {
        if (fetch_->is_running()) return false;
        item = end(context);
        return true;
      }
      if (unit == Unit::bytes) {
        const std::string_view bytes = std::exchange(rest_, {});
        item = JS_NewUint8ArrayCopy(context, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
        return true;
      }
      if (events_.next(rest_)) {
        item = new_event(context);
        return true;
      }
      if (events_.is_too_large()) {
        leave();
        item = script::throw_error(context, "a server-sent event is larger than the script's heap, or than 16 MiB");
        return true;
      }
    }
    return true;
  }

  /// It is closed, and nobody needs to close it any more. May be the end of it, unless somebody else holds it.
  void retire() {
    is_closed_ = true;
    if (BodyStreams* const open = vu_.find_slot<BodyStreams>()) open->drop(this);
  }

  JSValue end(JSContext* context) {
    retire();
    const wire::Failure& failure = fetch_->exchange.failure;
    return failure ? script::throw_error(context, failure.cause) : JS_UNDEFINED;
  }

  /// {type, data, id}, and its samples.
  JSValue new_event(JSContext* context) {
    const Instant at = arrival();
    const auto add = [&](MetricId metric, double value) {
      vu_.recorder().add(metric, tags_.set_pointer(), value, at, &samples_.metadata(vu_.tags()));
    };
    add(MetricId::sse_events, 1);
    add(last_event_ == Instant() ? MetricId::sse_time_to_first_event : MetricId::sse_time_between_events,
        base::milliseconds_of(at - (last_event_ == Instant() ? sent_at_ : last_event_)));
    last_event_ = at;
    const wire::ServerSentEvent& event = events_.event();
    Value object(context, JS_NewObject(context));
    object.set("type", Value(context, new_network_string(context, event.type)));
    object.set("data", Value(context, new_network_string(context, event.data)));
    object.set("id", Value(context, new_network_string(context, event.id)));
    if (event.retry) object.set("retry", Value(context, JS_NewInt64(context, event.retry->count())));
    return script::unless_thrown(context, object.release());
  }

  void note_arrival() {
    constexpr std::size_t kMost = 4096;  // times of what waits; what comes beyond counts as with the last of them
    const std::uint64_t end = fetch_->exchange.body_bytes;
    if (arrivals_.size() < kMost) arrivals_.push_back({end, vu_.loop().now()});
    else arrivals_.back().end = end;
  }
  /// When the byte came that the script is at.
  Instant arrival() {
    while (arrivals_.size() > 1 && arrivals_.front().end < taken_ - rest_.size()) arrivals_.pop_front();
    return arrivals_.front().at;
  }

  void on_hop(wire::HttpFetch& fetch) override { samples_.record(fetch, vu_.recorder(), vu_.tags(), vu_.loop().now()); }
  void on_body(wire::HttpFetch&) override {
    note_arrival();
    wake();
  }
  void on_fetch_done(wire::HttpFetch&) override {
    note_arrival();
    wake();
  }

  /// The last thing done from the loop: the script goes on, and may close it.
  void wake() {
    if (waiter_ != nullptr) return std::exchange(waiter_, nullptr)->complete();
    if (!pending_ || is_told_) return;
    is_told_ = true;
    pending_->operation.deliver([self = shared_from_this()] { self->settle(); });
  }

  /// On the fiber.
  void settle() {
    is_told_ = false;
    if (!pending_) return;
    JSContext* const context = vu_.context();
    JSValue item = JS_UNDEFINED;
    if (!take(context, pending_->unit, item)) return fetch_->expect_body();
    Pending done = std::move(*pending_);
    pending_.reset();
    if (JS_IsException(item)) done.deferred.reject(Value(context, JS_GetException(context)));
    else done.deferred.resolve(Value(context, result(context, item)));
  }

 public:
  /// {value, done} of what was read, which is taken over.
  static JSValue result(JSContext* context, JSValue item) {
    Value object(context, JS_NewObject(context));
    object.set("done", Value(context, JS_NewBool(context, JS_IsUndefined(item))));
    object.set("value", Value(context, item));
    return script::unless_thrown(context, object.release());
  }

 private:
  users::VuContext& vu_;
  HttpSamples samples_;
  std::shared_ptr<wire::CookieJar> jar_;
  metrics::Tags::Saved tags_;  // of events: as the head has them
  wire::EventStream events_;
  Instant sent_at_;
  Instant last_event_;
  std::string packed_;  // its Content-Encoding
  bool is_closed_ = false;
  bool is_told_ = false;
  wire::Buffer chunk_;
  std::string_view rest_;  // of the chunk
  std::uint64_t taken_ = 0;
  std::deque<Arrival> arrivals_;
  fiber::Awaited<>* waiter_ = nullptr;
  std::optional<Pending> pending_;
  script::NativeMemory memory_;
  PooledFetch fetch_;  // last: goes before what it calls back
};

void BodyStreams::close_all() {
  for (const auto& stream : std::exchange(open_, {})) {
    stream->leave();
    stream->forget_reader();
  }
}

/// What scripts hold.
struct ScriptStream {
  std::shared_ptr<BodyStream> stream;
  ~ScriptStream() {
    if (stream) stream->close();
  }
};

/// One walk through a stream: it takes what nobody has taken before.
struct StreamIterator {
  Value stream;
  Unit unit;
  bool is_async;
  void mark(JSRuntime* runtime, JS_MarkFunc* mark_value) const { JS_MarkValue(runtime, stream.get(), mark_value); }
  BodyStream& body() const { return *script::Class<ScriptStream>::of(stream.get())->stream; }
};

JSValue new_iterator(JSContext* context, JSValueConst stream, Unit unit, bool is_async) {
  return script::Class<StreamIterator>::create(
      context, std::make_unique<StreamIterator>(StreamIterator{Value::copy(context, stream), unit, is_async}));
}

using Stream = script::Self<ScriptStream>;
using Iterator = script::Self<StreamIterator>;

JSValue read(Stream self, Call call) {
  const JSValue bytes = self->stream->read(call.context, Unit::bytes);
  return JS_IsUndefined(bytes) ? JS_NULL : bytes;
}

/// All that is still to come, as text.
JSValue text(Stream self, Call call) {
  JSContext* const context = call.context;
  const std::size_t most = users::vu_of(context).test().heap_bytes_per_vu;
  std::string all;
  for (;;) {
    const Value bytes(context, self->stream->read(context, Unit::bytes));
    if (bytes.is_exception()) return JS_EXCEPTION;
    if (bytes.is_undefined()) return new_network_string(context, all);
    const auto view = script::bytes_of(context, bytes.get());
    if (all.size() + view->size() > most) {
      self->stream->close();
      return script::throw_range_error(context, "the rest of the stream is larger than the script's heap");
    }
    all.append(reinterpret_cast<const char*>(view->data()), view->size());
  }
}

JSValue close(Stream self, Call) {
  self->stream->close();
  return JS_UNDEFINED;
}

JSValue events(Stream self, Call call) { return new_iterator(call.context, self.value, Unit::event, false); }
JSValue iterate(Stream self, Call call) { return new_iterator(call.context, self.value, Unit::bytes, false); }
JSValue iterate_later(Stream self, Call call) { return new_iterator(call.context, self.value, Unit::bytes, true); }

const script::Member kStream[] = {
    script::method<&read>("read", 0),
    script::method<&text>("text", 0),
    script::method<&close>("close", 0),
    script::method<&events>("events", 0),
    script::method<&iterate>("[Symbol.iterator]", 0),
    script::method<&iterate_later>("[Symbol.asyncIterator]", 0),
};

JSValue next(Iterator self, Call call) {
  // What is read may let go of the iterator.
  const Value kept = self->stream;
  BodyStream& body = self->body();
  if (self->is_async) return body.read_later(call.context, self->unit, kept.get());
  const JSValue item = body.read(call.context, self->unit);
  return JS_IsException(item) ? JS_EXCEPTION : BodyStream::result(call.context, item);
}

/// A loop that is left early is done with the stream.
JSValue leave(Iterator self, Call call) {
  self->body().close();
  const JSValue result = BodyStream::result(call.context, JS_UNDEFINED);
  return self->is_async ? script::resolved(call.context, result) : result;
}

template <bool is_async>
JSValue iterate_as(Iterator self, Call call) {
  return self->is_async == is_async ? JS_DupValue(call.context, self.value)
                                    : new_iterator(call.context, self->stream.get(), self->unit, is_async);
}

const script::Member kIterator[] = {
    script::method<&next>("next", 0),
    script::method<&leave>("return", 0),
    script::method<&iterate_as<false>>("[Symbol.iterator]", 0),
    script::method<&iterate_as<true>>("[Symbol.asyncIterator]", 0),
};

}  // namespace

void define_body_stream(JSContext* context) {
  script::Class<ScriptStream>::define(context, "BodyStream", kStream);
  script::Class<StreamIterator>::define(context, "BodyStreamIterator", kIterator);
}

Value new_body_stream(JSContext* context, HttpState& state, PooledFetch fetch, const wire::HttpFetch& head, HttpSamples samples,
                      std::shared_ptr<wire::CookieJar> jar) {
  auto made = std::make_unique<ScriptStream>();
  const auto stream = made->stream = std::make_shared<BodyStream>(state, std::move(fetch), head, std::move(samples), std::move(jar));
  if (!stream->charge(context)) return {context, JS_EXCEPTION};
  Value object(context, script::Class<ScriptStream>::create(context, std::move(made)));
  if (!object.is_exception()) state.vu().slot<BodyStreams>().keep(stream);
  return object;
}

}  // namespace gauntlet::engine::api
