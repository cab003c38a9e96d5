#include "engine/sinks/sample_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace gauntlet::engine::sinks {
namespace {

template <class... Format>
void append_number(std::string& out, double value, Format... format) {
  std::array<char, 400> buffer;  // %f of 1e308 has 309 digits before the point
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format...);
  out.append(buffer.data(), end);
}

}  // namespace

void append_go_number(std::string& out, double value) {
  if (value == std::trunc(value) && std::fabs(value) < 1e6 && !(value == 0 && std::signbit(value))) {
    std::array<char, 16> buffer;
    const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), static_cast<int>(value));
    out.append(buffer.data(), end);
    return;
  }
  if (!std::isfinite(value)) {
    out += "null";  // JSON has none; k6 would lose the line
    return;
  }
  const double magnitude = std::fabs(value);
  const bool plain = magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e6);
  append_number(out, value, plain ? std::chars_format::fixed : std::chars_format::scientific);
}

void append_fixed6(std::string& out, double value) {
  if (std::isfinite(value)) {
    append_number(out, value, std::chars_format::fixed, 6);
  } else {
    out += std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  }
}

std::string_view TimeText::second_text(std::int64_t unix_s) {
  if (unix_s != second_) {
    text_ = base::Rfc3339(std::chrono::sys_seconds(std::chrono::seconds(unix_s)));
    second_ = unix_s;
  }
  return text_.without_zone();
}

void TimeText::append_nanoseconds(std::string& out, std::int64_t unix_ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  out += second_text(unix_ns / kSecond);
  auto fraction = static_cast<std::uint32_t>(unix_ns % kSecond);
  if (fraction != 0) {
    std::array<char, 10> digits;
    digits[0] = '.';
    std::size_t last = 0;
    for (std::size_t i = 9; i > 0; --i) {
      digits[i] = static_cast<char>('0' + fraction % 10);
      if (last == 0 && digits[i] != '0') last = i;
      fraction /= 10;
    }
    out.append(digits.data(), last + 1);
  }
  out += 'Z';
}

void TimeText::append_seconds(std::string& out, std::int64_t unix_ns) {
  out += second_text(unix_ns / 1'000'000'000);
  out += 'Z';
}

std::vector<std::pair<std::string_view, std::string_view>> sorted_pairs(const metrics::StreamedTags& tags) {
  auto pairs = tags.user;
  for (std::size_t i = 0; i < metrics::kSystemTagCount; ++i) {
    if ((tags.present >> i & 1U) != 0) pairs.emplace_back(metrics::name_of(static_cast<metrics::SystemTag>(i)), tags.system[i]);
  }
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

}  // namespace gauntlet::engine::sinks
