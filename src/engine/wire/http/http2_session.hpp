#pragma once
// The client's side of one HTTP/2 connection, plain or TLS, on an event loop: many exchanges (a request and its
// answer) at once, bodies streamed both ways. gRPC stands on it, and so may HTTP.
//
//   auto session = Http2Session::create(std::move(dialed.stream), owner);
//   session->start(exchange, headers, body, true);     // exchange.on_headers_end(), on_data() ..., on_finished()
//
// What a round of the loop produces leaves in one system call: requests are sent at once when they are made outside of
// the session's own callbacks, and together at the end of the callbacks otherwise. An idle connection takes about
// 10 KB.
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/wire/failure.hpp"
#include "engine/wire/tcp/stream.hpp"

struct nghttp2_session;

namespace gauntlet::engine::wire {

/// Names in lower case, pseudo headers first. Not copied: must live until start() returns.
struct Http2Header {
  std::string_view name;
  std::string_view value;
  bool often_repeated = true;  ///< false keeps it out of the compression table: values that differ each time
};

/// How an exchange ended.
struct Http2End {
  enum class Cause : std::uint8_t {
    complete,         ///< both sides have said all they had to say
    reset,            ///< the server ended it with RST_STREAM, or broke the protocol within it; see error_code
    refused,          ///< the server has not looked at it (GOAWAY, REFUSED_STREAM): may be sent again elsewhere
    connection_lost,  ///< the connection ended or broke; see Http2Session::loss()
  };
  Cause cause = Cause::complete;
  std::uint32_t error_code = 0;  ///< RFC 9113, section 7
  bool by_server = false;        ///< the server sent RST_STREAM; otherwise our own check of what it sent did
};

/// What the server said when it wants no more requests.
struct Http2GoAway {
  std::int32_t last_stream_id = 0;
  std::uint32_t error_code = 0;
  std::string debug;
};

class Http2Session;

/// One request and its answer. The session keeps its own state of the exchange in here, so an exchange costs no
/// allocation beyond its owner's. Reusable after on_finished() or cancel().
class Http2Exchange {
 public:
  Http2Exchange() = default;
  virtual ~Http2Exchange();
  Http2Exchange(const Http2Exchange&) = delete;
  Http2Exchange& operator=(const Http2Exchange&) = delete;

  bool is_active() const { return session_ != nullptr; }

 protected:
  // From within the session's reading: may use the session, but what it is given is valid only during the call.
  /// A header or trailer, ":status" among them. Names and values are checked by RFC 9113's rules.
  virtual void on_header(std::string_view name, std::string_view value) = 0;
  /// A header block is complete; `last` when nothing follows it (trailers, or an answer without a body).
  virtual void on_headers_end(bool last) = 0;
  /// How many of the bytes are taken now. The rest the exchange keeps until it gives Http2Session::take() their number:
  /// the server may send so much less meanwhile, kStreamWindowBytes in all.
  virtual std::size_t on_data(std::string_view bytes) = 0;
  /// What follows on the body that start() was given as complete, in pieces that stay where they are until the exchange is
  /// over; empty at the end.
  virtual std::string_view next_piece() { return {}; }
  /// Once, unless cancelled; after it the session has forgotten the exchange. May do anything.
  virtual void on_finished(Http2Session& session, const Http2End& end) = 0;

  /// The session while active, or nullptr.
  Http2Session* session() const { return session_; }
  /// Of the stream that it is or was on.
  std::int32_t last_stream_id() const { return stream_id_; }

 private:
  friend class Http2Session;
  friend struct Http2Callbacks;

  Http2Session* session_ = nullptr;
  Http2Exchange* previous_ = nullptr;
  Http2Exchange* next_ = nullptr;
  std::string body_;  // what waits for the server's window
  std::size_t body_sent_ = 0;
  std::string_view piece_;        // the rest of next_piece()'s last one
  std::size_t header_bytes_ = 0;  // of the header block that is being read
  std::uint32_t error_code_ = 0;
  std::int32_t stream_id_ = 0;
  bool body_complete_ = false;
  bool body_deferred_ = false;  // nghttp2 waits to be told that there is more
  bool reset_by_server_ = false;
  bool finished_ = false;  // closed, on_finished() not called yet
};

/// Belongs to one thread. Destroyed through its pointer, at any time, its own callbacks included; exchanges that are
/// active then are forgotten without a call.
class Http2Session final : private Stream::Listener {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    /// The server's settings have come: it speaks HTTP/2. Once.
    virtual void on_http2_ready() {}
    /// Once, when no exchange can be started any more and none is left: the connection was lost or ended, or the server
    /// said GOAWAY and the last exchange is done; loss() and goaway() tell why. The owner may destroy the session.
    virtual void on_http2_closed() = 0;
  };

  struct Dispose {
    void operator()(Http2Session* session) const { session->dispose(); }
  };
  using Pointer = std::unique_ptr<Http2Session, Dispose>;

  static constexpr std::uint32_t kStreamWindowBytes = 1 << 20;
  static constexpr std::uint32_t kConnectionWindowBytes = 8 << 20;
  /// Of one header block, as the server is told (RFC 9113, section 6.5.2); the exchange of a longer one ends. A few bytes
  /// of compressed headers may stand for a thousand times as many.
  static constexpr std::uint32_t kMaxHeaderListBytes = 1 << 20;

  /// Takes over a connected stream (TLS: after the handshake) and sends the preface.
  static Pointer create(std::unique_ptr<Stream> stream, Owner& owner);

  /// Whether exchanges may be started: not closed, no GOAWAY.
  bool is_open() const { return state_ == State::open; }
  std::size_t active_exchanges() const { return count_; }
  const Stream& stream() const { return *stream_; }

  /// Sends a request. `exchange` must live until on_finished() or cancel(). With `complete` the body is whole and the
  /// request leaves at once; otherwise write() adds to it. When the server allows no further concurrent stream the
  /// request waits. Only while is_open(). Fails only through on_finished(), never from inside this call.
  void start(Http2Exchange& exchange, std::span<const Http2Header> headers, std::string_view body, bool complete);
  /// Adds to the body of a request started incomplete; leaves at the round's end. Ignored once the exchange is over.
  void write(Http2Exchange& exchange, std::string_view bytes, bool complete);
  /// Bytes given to write() that have not left yet.
  static std::size_t unsent(const Http2Exchange& exchange) { return exchange.body_.size() - exchange.body_sent_; }
  /// Bytes that on_data() did not take are taken now.
  void take(Http2Exchange& exchange, std::size_t bytes);
  /// Resets an exchange (CANCEL) and forgets it without calling back.
  void cancel(Http2Exchange& exchange);
  /// As cancel(), but on_finished() comes.
  void reset(Http2Exchange& exchange);
  /// How the connection ended; no failure while it lives.
  const Failure& loss() const { return failure_; }
  /// "received prior goaway: code: NO_ERROR"; empty unless the server said it.
  std::string goaway() const;
  const std::optional<Http2GoAway>& goaway_details() const { return goaway_; }

 private:
  friend struct Http2Callbacks;
  enum class State : std::uint8_t { open, draining, closed };

  Http2Session(std::unique_ptr<Stream> stream, Owner& owner);
  ~Http2Session() override;
  void dispose();
  void greet();

  void on_stream_ready() override;
  void read();
  void flush();
  void flush_at_round_end();
  bool send_pending();
  void lose(Failure failure);
  /// Calls back for what has happened and sends what came of it. May destroy this, so nothing follows a call of it.
  void settle();
  void stop_sending(std::int32_t stream_id);
  Http2Exchange* find(std::int32_t stream_id);
  /// A list of exchanges, linked through them.
  struct List {
    Http2Exchange* first = nullptr;
    Http2Exchange* last = nullptr;
    void append(Http2Exchange& exchange);
    void remove(Http2Exchange& exchange);
  };
  /// Forgets an exchange.
  void release(Http2Exchange& exchange);
  /// Moves an exchange to those that settle() calls back for.
  void finish(Http2Exchange& exchange, std::uint32_t error_code);
  Http2End end_of(const Http2Exchange& exchange) const;

  std::unique_ptr<Stream> stream_;
  Owner* owner_;
  nghttp2_session* session_ = nullptr;
  List active_;
  List finished_;
  Http2Exchange* recent_ = nullptr;  // the one that the last callback was about
  std::string unsent_;               // frames that the socket did not take; empty nearly always
  std::size_t count_ = 0;            // in both lists
  Failure failure_;
  std::optional<Http2GoAway> goaway_;
  std::shared_ptr<Http2Session*> self_;  // empty once destroyed; shared with tasks posted to the loop
  bool busy_ = false;                    // inside nghttp2 or settle(): no writing, no destruction
  State state_ = State::open;
  bool ready_ = false;
  bool ready_told_ = false;
  bool closed_told_ = false;
  bool flush_due_ = false;
  bool disposed_ = false;
};

/// RFC 9113's name of an error code: "REFUSED_STREAM"; the number for unknown ones.
std::string http2_error_name(std::uint32_t code);

}  // namespace gauntlet::engine::wire
