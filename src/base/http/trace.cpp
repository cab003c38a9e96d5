#include "base/http/trace.hpp"

#include <algorithm>
#include <random>

#include "base/hex.hpp"
#include "base/text.hpp"

namespace gauntlet::base::http {
namespace {

constexpr std::size_t kIdDigits = 16;

/// Ids need to be different, not secret.
std::uint64_t random_id() {
  thread_local std::mt19937_64 generator = [] {
    std::random_device seed;
    std::seed_seq words{seed(), seed(), seed(), seed()};
    return std::mt19937_64(words);
  }();
  for (;;) {
    if (const std::uint64_t id = generator(); id != 0) return id;  // all zeros is "invalid" in a traceparent
  }
}

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool all_zeros(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

/// Version 00, or a later one, which must begin alike (Trace Context, section 3.2).
bool is_traceparent(std::string_view text) {
  constexpr std::size_t kLength = 55;
  if (text.size() < kLength || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const std::string_view version = text.substr(0, 2);
  if (!is_hex(version) || version == "ff") return false;
  if (version == "00" ? text.size() != kLength : text.size() > kLength && text[kLength] != '-') return false;
  const std::string_view trace_id = text.substr(3, 32), parent_id = text.substr(36, 16);
  return is_hex(trace_id) && is_hex(parent_id) && is_hex(text.substr(53, 2)) && !all_zeros(trace_id) && !all_zeros(parent_id);
}

}  // namespace

bool Trace::is_sampled() const { return has_parent_ && (hex_value(traceparent_[kSize - 1]) & 1) != 0; }

Trace::Trace(const Request& request) {
  const auto id = request.header("x-request-id");
  has_clients_request_id_ = id && is_request_id(*id);
  if (has_clients_request_id_) {
    id->copy(request_id_.data(), request_id_.size());
    request_id_size_ = static_cast<std::uint8_t>(id->size());
  } else {
    write_hex(request_id_.data(), random_id());
    request_id_size_ = kIdDigits;
  }
  const auto parent = request.header("traceparent");
  has_parent_ = parent && is_traceparent(*parent);
  if (has_parent_) {
    parent->copy(traceparent_.data(), kSize);
    traceparent_[0] = traceparent_[1] = '0';
    parent->copy(parent_id_.data(), parent_id_.size(), 36);
  } else {
    constexpr std::string_view kPattern = "00-00000000000000000000000000000000-0000000000000000-00";
    kPattern.copy(traceparent_.data(), kSize);
    write_hex(traceparent_.data() + 3, random_id());
    write_hex(traceparent_.data() + 3 + kIdDigits, random_id());
  }
  write_hex(traceparent_.data() + 36, random_id());
}

}  // namespace gauntlet::base::http
