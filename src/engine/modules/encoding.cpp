#include "engine/modules/encoding.hpp"

#include <array>
#include <optional>
#include <string>

#include "engine/js/binding.hpp"

namespace gauntlet::engine::modules {
namespace {

struct Alphabet {
  bool url = false;
  bool padded = true;
};

/// "std", "rawstd", "url", "rawurl"; anything else is std, as in k6.
Alphabet alphabet_named(std::string_view name) {
  if (name == "rawstd") return {false, false};
  if (name == "url") return {true, true};
  if (name == "rawurl") return {true, false};
  return {};
}

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode(std::string_view bytes, const Alphabet& alphabet) {
  const std::string_view digits = alphabet.url ? kUrl : kStandard;
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8U | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j <= count; ++j) text += digits[group >> (18 - 6 * j) & 63U];
    if (alphabet.padded) text.append(3 - count, '=');
  }
  return text;
}

/// Nothing on a character that does not belong there; `at` is then its index.
std::optional<std::string> decode(std::string_view text, const Alphabet& alphabet, std::size_t& at) {
  const std::string_view digits = alphabet.url ? kUrl : kStandard;
  std::string bytes;
  std::uint32_t group = 0;
  int bits = 0;
  std::size_t padding = 0;
  std::size_t count = 0;
  for (at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n' || c == '\r') continue;
    ++count;
    if (c == '=' && alphabet.padded && ++padding <= 2) continue;
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos || padding > 0) return std::nullopt;
    group = group << 6U | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(group >> static_cast<unsigned>(bits) & 0xffU);
    }
  }
  const bool complete = alphabet.padded ? count % 4 == 0 : count % 4 != 1;
  if (!complete) return std::nullopt;
  return bytes;
}

JSValue b64encode(js::Call call) {
  const js::Text kind(call.context, call.has(1) ? call.arg(1) : JS_UNDEFINED);
  const Alphabet alphabet = alphabet_named(kind.view());
  if (const auto bytes = js::bytes_of(call.context, call.arg(0))) {
    return js::new_string(call.context, encode({reinterpret_cast<const char*>(bytes->data()), bytes->size()}, alphabet));
  }
  if (!JS_IsString(call.arg(0))) {
    return js::throw_error(call.context, "invalid type for b64encode, expected string or ArrayBuffer");
  }
  const js::Text text(call.context, call.arg(0));
  return js::new_string(call.context, encode(text.view(), alphabet));
}

JSValue b64decode(js::Call call) {
  const js::Text text(call.context, call.arg(0));
  if (text.failed()) return JS_EXCEPTION;
  const js::Text kind(call.context, call.has(1) ? call.arg(1) : JS_UNDEFINED);
  std::size_t at = 0;
  auto bytes = decode(text.view(), alphabet_named(kind.view()), at);
  if (!bytes) {
    return js::throw_error(call.context, "failed to base64decode string: illegal base64 data at input byte " + std::to_string(at));
  }
  const js::Text form(call.context, call.has(2) ? call.arg(2) : JS_UNDEFINED);
  if (form.view() == "s") return js::new_string(call.context, *bytes);
  return js::adopt_array_buffer(call.context, std::move(*bytes));
}

const js::Member kExports[] = {js::function<&b64encode>("b64encode", 2), js::function<&b64decode>("b64decode", 3)};

}  // namespace

void init_encoding(js::Module& module) { module.exports(kExports); }

}  // namespace gauntlet::engine::modules
