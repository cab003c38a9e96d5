#pragma once
// The insides of a call and of the server, for server.cpp and call.cpp alone.
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/grpc/call.hpp"
#include "base/grpc/server.hpp"
#include "base/http/request.hpp"
#include "base/http/stream.hpp"
#include "base/metrics.hpp"
#include "base/timer_wheel.hpp"

namespace gauntlet::base::grpc {

enum class MethodKind { unary, server_stream, bidirectional };

struct Method {
  std::string path;     // "/service.Service/ClaimGoalReward"
  std::string service;  // "service.Service"
  std::string name;     // "ClaimGoalReward"
  MethodKind kind = MethodKind::unary;
  Server::UnaryHandler unary;
  Server::StreamHandler stream;
  metrics::Counter* started = nullptr;  // null: not counted
  metrics::Counter* received = nullptr;
  metrics::Counter* sent = nullptr;
  metrics::Family<metrics::Counter>* handled_family = nullptr;
  std::array<metrics::Counter*, 17> handled{};  // by code, made when first needed

  void count_handled(int code);
};

/// Shared by the server and its calls, since a handler may keep a call longer than the server lives.
class CallPool : public std::enable_shared_from_this<CallPool> {
 public:
  ~CallPool();
  CallPtr take();
  void give_back(Call* call);

 private:
  static constexpr std::size_t kKept = 2048;
  std::vector<Call*> free_;
};

struct Server::State final : http::StreamService {
  explicit State(ServerOptions its_options) : options(std::move(its_options)) {}

  bool wants(const http::Request& request) const override;
  http::StreamReceiver* begin(http::Stream& stream) override;
  Method& add(std::string_view path, MethodKind kind);

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  const ServerOptions options;
  std::unordered_map<std::string, std::unique_ptr<Method>, Hash, std::equal_to<>> methods;
  std::shared_ptr<CallPool> pool = std::make_shared<CallPool>();
};

struct Call::State final : http::StreamReceiver, TimerWheel::Timeout {
  explicit State(Call& its_call) : call(its_call) {}

  void begin(Server::State& its_server, Method* its_method, http::Stream& its_stream);
  /// Back to what a new one is, memory kept.
  void clear();

  void on_data(std::string_view bytes) override;
  void on_end() override;
  void on_output_taken() override;
  void on_draining() override;
  void on_closed() override;
  void on_timeout() override;

  bool open() const { return stream != nullptr; }
  /// Whether the whole first message of `input` (from `input_read`) is there; fails the call where it may not be.
  bool have_message();
  /// Makes that message the call's message().
  bool open_message();
  /// Hands a stream's messages to its handler while the client reads the answers.
  void deliver_messages();
  bool answers_wait() const;
  void dispatch();
  /// Starts the answer with `status` fields behind the usual ones; `ends`: it has neither messages nor trailers.
  void send_fields(std::span<const http::Stream::Field> status, bool ends);
  void send_answer_head();
  char* message_space(std::size_t size);
  void end(int code, std::string_view message);
  /// Forgets the stream; may release the call.
  void close();
  void cancel();
  /// Ends it although its handler would go on, which learns of it as of the client's cancelling.
  void give_up(ErrorKind kind, std::string_view message);

  Call& call;
  std::shared_ptr<CallPool> pool;
  Server::State* server = nullptr;
  Method* method = nullptr;
  http::Stream* stream = nullptr;  // null: answered, or the client has gone
  EventLoop* loop = nullptr;
  CallPtr self;  // while no handler holds it
  http::Request head;
  http::Trace trace;
  std::string input;           // prefixes and messages as they came
  std::size_t input_read = 0;  // before it: messages dealt with
  std::string inflated;
  std::string_view message;
  std::optional<EventLoop::Clock::time_point> deadline;
  EventLoop::Clock::time_point received;
  std::function<void()> on_cancel;
  bool accepts_gzip_input = false;
  bool head_sent = false;
  bool finished = false;
  bool cancelled = false;
  bool half_closed = false;  // the stream's client sends no more
  bool going_on = false;     // deliver_messages() is posted
};

}  // namespace gauntlet::base::grpc
