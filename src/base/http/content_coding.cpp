#include "base/http/content_coding.hpp"

#include <algorithm>
#include <optional>

namespace gauntlet::base::http {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

bool same_name(std::string_view lower_case, std::string_view text) {
  if (lower_case.size() != text.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + ('a' - 'A')) : text[i];
    if (c != lower_case[i]) return false;
  }
  return true;
}

/// Thousandths of "q=0.5"; what is not a weight counts as none, so that a typing error does not switch coding off.
int weight_of(std::string_view parameters) {
  constexpr int kWhole = 1000;
  while (!parameters.empty()) {
    const std::size_t end = std::min(parameters.find(';'), parameters.size());
    const std::string_view one = trimmed(parameters.substr(0, end));
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
    if (one.size() < 3 || (one[0] != 'q' && one[0] != 'Q') || one[1] != '=') continue;
    const std::string_view value = one.substr(2);
    if (value.front() != '0') return kWhole;
    int weight = 0, unit = kWhole / 10;
    for (std::size_t i = 2; i < value.size() && unit > 0; ++i, unit /= 10) {
      if (value[i] < '0' || value[i] > '9') break;
      weight += (value[i] - '0') * unit;
    }
    return weight;
  }
  return kWhole;
}

/// What the header says of `coding`; nothing when it says nothing.
std::optional<int> weight_in(std::string_view header, std::string_view coding) {
  std::optional<int> of_any;
  while (!header.empty()) {
    const std::size_t end = std::min(header.find(','), header.size());
    const std::string_view item = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    const std::size_t semicolon = std::min(item.find(';'), item.size());
    const std::string_view name = trimmed(item.substr(0, semicolon));
    const std::string_view parameters = item.substr(std::min(semicolon + 1, item.size()));
    if (same_name(coding, name) || (coding == "gzip" && same_name("x-gzip", name))) return weight_of(parameters);
    if (name == "*") of_any = weight_of(parameters);
  }
  return of_any;
}

}  // namespace

std::string_view accepted_coding(const Request& request, std::initializer_list<std::string_view> offered) {
  const auto header = request.header("accept-encoding");
  if (!header) return {};
  std::string_view chosen;
  int best = 0;
  for (const std::string_view coding : offered) {
    const int weight = weight_in(*header, coding).value_or(0);
    if (weight <= best) continue;
    best = weight;
    chosen = coding;
  }
  // Not listed, the plain text is acceptable, but last; `*` does not raise it.
  if (chosen.empty() || header->find("identity") == std::string_view::npos) return chosen;
  return weight_in(*header, "identity").value_or(0) > best ? std::string_view() : chosen;
}

}  // namespace gauntlet::base::http
