#include "engine/results/number_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace gauntlet::engine::results {
namespace {

using metrics::ValueKind;

/// Beyond this magnitude JavaScript writes powers of ten.
constexpr double kPlainLimit = 1e21;

std::string not_finite(double value) { return std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"; }

/// to_fixed without trailing zeros.
std::string shortened(double value, int digits) {
  if (!std::isfinite(value) || std::fabs(value) >= kPlainLimit) return js_number(value);
  std::string text = to_fixed(value, digits);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

/// Cut off after `digits` decimals, by way of the same products as k6, whose rounding errors show.
std::string cut(double value, int digits) {
  const double scale = std::pow(10.0, digits);
  return shortened(std::trunc(scale * value) / scale, digits);
}

}  // namespace

std::string js_number(double value) {
  if (!std::isfinite(value)) return not_finite(value);
  if (value == 0) return "0";
  std::array<char, 40> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));

  std::string out;
  if (text.front() == '-') {
    out += '-';
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  std::string digits(text.substr(0, e));
  std::erase(digits, '.');
  int exponent = 0;
  const char* from = text.data() + e + 1;
  std::from_chars(*from == '+' ? from + 1 : from, text.data() + text.size(), exponent);

  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;  // digits before the decimal point
  if (point > 21 || point < -5) {
    out += digits[0];
    if (count > 1) out.append(".").append(digits, 1);
    return out.append(exponent < 0 ? "e-" : "e+").append(std::to_string(std::abs(exponent)));
  }
  if (point <= 0) return out.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
  if (count <= point) return out.append(digits).append(static_cast<std::size_t>(point - count), '0');
  return out.append(digits, 0, static_cast<std::size_t>(point)).append(".").append(digits, static_cast<std::size_t>(point));
}

std::string json_number(double value) { return std::isfinite(value) ? js_number(value) : "null"; }

std::string to_fixed(double value, int digits) {
  if (!std::isfinite(value) || std::fabs(value) >= kPlainLimit) return js_number(value);
  // A tie is a number whose expansion ends with the 5 after the last digit kept; such expansions are short, so 60
  // decimals tell ties apart. printf would round them to even.
  std::array<char, 128> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.60f", value);
  std::string exact(buffer.data());
  const std::size_t kept = exact.find('.') + 1 + static_cast<std::size_t>(digits);
  if (exact.find_first_not_of('0', kept + 1) == std::string::npos && exact[kept] == '5') {
    value = std::nextafter(value, value < 0 ? -kPlainLimit : kPlainLimit);
  }
  std::snprintf(buffer.data(), buffer.size(), "%.*f", digits, value);
  return buffer.data();
}

std::string percent(double fraction) {
  if (!std::isfinite(fraction)) return not_finite(fraction) + "%";
  return to_fixed(std::trunc(fraction * 100 * 100) / 100, 2) + "%";
}

std::string humanize_bytes(double bytes) {
  constexpr std::array<std::string_view, 9> kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
  if (!(bytes >= 10) || !std::isfinite(bytes)) return js_number(bytes) + " B";
  const double power = std::min(std::floor(std::log(bytes) / std::log(1000.0)), static_cast<double>(kUnits.size() - 1));
  const double value = std::floor(bytes / std::pow(1000.0, power) * 10 + 0.5) / 10;
  return to_fixed(value, value < 10 ? 1 : 0) + " " + std::string(kUnits[static_cast<std::size_t>(power)]);
}

std::string humanize_duration(double milliseconds, std::string_view unit) {
  if (!std::isfinite(milliseconds)) return not_finite(milliseconds);
  if (unit == "s") return to_fixed(milliseconds * 0.001, 2) + "s";
  if (unit == "ms") return to_fixed(milliseconds, 2) + "ms";
  if (unit == "us") return to_fixed(milliseconds * 1000, 2) + "µs";

  if (milliseconds == 0) return "0s";
  if (milliseconds < 0.001) return js_number(std::trunc(milliseconds * 1'000'000)) + "ns";
  if (milliseconds < 1) return cut(milliseconds * 1000, 2) + "µs";
  if (milliseconds < 1000) return cut(milliseconds, 2) + "ms";

  std::string text = cut(std::fmod(milliseconds, 60'000) / 1000, milliseconds > 60'000 ? 0 : 2) + "s";
  const double minutes = std::trunc(milliseconds / 60'000);
  if (minutes < 1) return text;
  text = js_number(std::fmod(minutes, 60)) + "m" + text;
  const double hours = std::trunc(minutes / 60);
  if (hours < 1) return text;
  return js_number(hours) + "h" + text;
}

std::string humanize(double value, ValueKind kind, std::string_view unit) {
  switch (kind) {
    case ValueKind::data: return humanize_bytes(value);
    case ValueKind::time: return humanize_duration(value, unit);
    case ValueKind::plain: break;
  }
  return shortened(value, 6);
}

}  // namespace gauntlet::engine::results
