#pragma once
// Who a request belongs to, for logs and traces: the client's X-Request-Id and traceparent (W3C Trace Context), or ids
// made here. The request id is returned with every answer, traceparent to those who sent one.
#include <array>
#include <cstdint>
#include <string_view>

#include "base/http/request.hpp"

namespace gauntlet::base::http {

/// Owns its few bytes; cheap to make (no allocation, no system call but for a thread's first).
class Trace {
 public:
  Trace() = default;
  /// What `request`'s headers say. An X-Request-Id counts where it is 1 to 64 visible ASCII characters, so that it can
  /// be logged and sent as it is; a traceparent where it is well-formed.
  explicit Trace(const Request& request);

  std::string_view request_id() const { return {request_id_.data(), request_id_size_}; }
  /// The client sent a request id of its own.
  bool has_clients_request_id() const { return has_clients_request_id_; }

  /// 32 hexadecimal digits: the client's, or new ones.
  std::string_view trace_id() const { return std::string_view(traceparent_.data(), kSize).substr(3, 32); }
  /// 16 of them, new: this request's part of the trace.
  std::string_view span_id() const { return std::string_view(traceparent_.data(), kSize).substr(36, 16); }
  /// The client's span; empty without a traceparent.
  std::string_view parent_id() const { return {parent_id_.data(), has_parent() ? parent_id_.size() : 0}; }
  bool has_parent() const { return has_parent_; }
  /// The client records this trace.
  bool is_sampled() const;
  /// "00-<trace id>-<span id>-<flags>" with our span.
  std::string_view traceparent() const { return {traceparent_.data(), kSize}; }

 private:
  static constexpr std::size_t kSize = 55;
  std::array<char, kSize> traceparent_{};
  std::array<char, 16> parent_id_{};
  std::array<char, 64> request_id_{};
  std::uint8_t request_id_size_ = 0;
  bool has_clients_request_id_ = false;
  bool has_parent_ = false;
};

}  // namespace gauntlet::base::http
