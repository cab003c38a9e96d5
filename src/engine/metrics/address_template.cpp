#include "engine/metrics/address_template.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace gauntlet::engine::metrics {
namespace {

constexpr std::string_view kHole = "{}";

bool is_id(std::string_view segment) {
  constexpr std::size_t kLongHexadecimal = 16;
  const auto all = [&](auto&& holds) { return std::all_of(segment.begin(), segment.end(), holds); };
  if (segment.empty()) return false;
  if (all([](char c) { return base::is_digit(c); })) return true;
  const bool has_digit = std::any_of(segment.begin(), segment.end(), [](char c) { return base::is_digit(c); });
  return has_digit && segment.size() >= kLongHexadecimal && all([](char c) { return c == '-' || base::hex_value(c) >= 0; });
}

}  // namespace

std::string address_template(std::string_view address) {
  const std::size_t scheme = address.find("://");
  if (scheme == std::string_view::npos) return std::string(address);
  const std::size_t path = std::min(address.find_first_of("/?#", scheme + 3), address.size());
  const std::size_t query = std::min(address.find_first_of("?#", path), address.size());
  std::string out(address.substr(0, path));
  for (std::size_t at = path; at < query;) {
    out += '/';
    const std::size_t end = std::min(address.find('/', at + 1), query);
    const std::string_view segment = address.substr(at + 1, end - at - 1);
    out += is_id(segment) ? kHole : segment;
    at = end;
  }
  for (std::size_t at = query; at < address.size();) {
    const std::size_t end = std::min(address.find('&', at), address.size());
    const std::size_t equals = address.find('=', at);
    if (equals < end) out.append(address.substr(at, equals + 1 - at)).append(kHole);
    else out += address.substr(at, end - at);
    if (end < address.size()) out += '&';
    at = end + 1;
  }
  return out;
}

}  // namespace gauntlet::engine::metrics
