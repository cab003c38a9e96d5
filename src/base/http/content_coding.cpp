#include "base/http/content_coding.hpp"

#include <zstd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "base/gzip.hpp"
#include "base/text.hpp"

namespace gauntlet::base::http {
namespace {

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
      if (!is_digit(value[i])) break;
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
    if (equals_ignoring_case(name, coding) || (coding == "gzip" && equals_ignoring_case(name, "x-gzip"))) return weight_of(parameters);
    if (name == "*") of_any = weight_of(parameters);
  }
  return of_any;
}

std::string gzip_of(const Body& body) {
  constexpr int kFast = 1;
  thread_local Deflater deflater(ZlibFormat::gzip, kFast);
  deflater.reset();
  std::string out;
  out.reserve(deflater.bound(body.size()));
  for (std::size_t i = 0; i < body.piece_count(); ++i) deflater.append(out, body.piece(i), Z_NO_FLUSH);
  deflater.append(out, {}, Z_FINISH);
  return out;
}

std::string zstd_of(const Body& body) {
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  thread_local const std::unique_ptr<ZSTD_CCtx, Free> context(ZSTD_createCCtx());
  constexpr int kFast = 1;
  const std::string text = body.text();
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compressCCtx(context.get(), out.data(), out.size(), text.data(), text.size(), kFast));
  return out;
}

}  // namespace

std::string_view to_string(Coding coding) {
  switch (coding) {
    case Coding::gzip: return "gzip";
    case Coding::zstd: return "zstd";
    case Coding::identity: break;
  }
  return "identity";
}

Coding accepted_coding(const Request& request, std::initializer_list<Coding> offered) {
  const auto header = request.header_list("accept-encoding");
  if (!header) return Coding::identity;
  Coding chosen = Coding::identity;
  int best = 0;
  for (const Coding coding : offered) {
    const int weight = weight_in(*header, to_string(coding)).value_or(0);
    if (weight <= best) continue;
    best = weight;
    chosen = coding;
  }
  // Not listed, the plain text is acceptable, but last; `*` does not raise it.
  if (chosen == Coding::identity || header->find("identity") == std::string_view::npos) return chosen;
  return weight_in(*header, "identity").value_or(0) > best ? Coding::identity : chosen;
}

Body encode(Body body, Coding coding) {
  if (coding == Coding::identity) return body;
  return coding == Coding::zstd ? zstd_of(body) : gzip_of(body);
}

}  // namespace gauntlet::base::http
