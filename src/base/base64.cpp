#include "base/base64.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace gauntlet::base {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kNoDigit = 0xff;

constexpr std::array<std::uint8_t, 256> values_of(std::string_view digits) {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < digits.size(); ++i) values[static_cast<unsigned char>(digits[i])] = static_cast<std::uint8_t>(i);
  return values;
}
constexpr auto kStandardValues = values_of(kStandard);
constexpr auto kUrlValues = values_of(kUrl);

}  // namespace

std::string encode_base64(std::string_view bytes, Base64Form form) {
  const std::string_view digits = form.is_url ? kUrl : kStandard;
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8U | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j <= count; ++j) text += digits[group >> (18 - 6 * j) & 63U];
    if (form.is_padded) text.append(3 - count, '=');
  }
  return text;
}

std::optional<std::string> decode_base64(std::string_view text, Base64Form form, std::size_t* wrong_at) {
  const auto& values = form.is_url ? kUrlValues : kStandardValues;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  int bits = 0;
  std::size_t padding = 0;
  std::size_t count = 0;
  std::size_t at = 0;
  const auto refuse = [&]() -> std::optional<std::string> {
    if (wrong_at != nullptr) *wrong_at = at;
    return std::nullopt;
  };
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (form.may_have_line_breaks && (c == '\n' || c == '\r')) continue;
    ++count;
    if (c == '=' && form.is_padded && ++padding <= 2) continue;
    const std::uint8_t value = values[static_cast<unsigned char>(c)];
    if (value == kNoDigit || padding > 0) return refuse();
    group = group << 6U | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(group >> static_cast<unsigned>(bits) & 0xffU);
    }
  }
  if (form.is_padded ? count % 4 != 0 : count % 4 == 1) return refuse();
  if (form.is_canonical && (group & ((1U << static_cast<unsigned>(bits)) - 1)) != 0) return refuse();
  return bytes;
}

}  // namespace gauntlet::base
