#include "service/entity_tag.hpp"

#include "base/hex.hpp"

namespace gauntlet::service {
namespace {

/// 64-bit words to a hash; each step is a bijection of the state (splitmix64's finalizer), so that single changes show.
class Hash {
 public:
  void add(std::uint64_t word) {
    state_ = (state_ ^ word) + 0x9e3779b97f4a7c15;
    state_ = (state_ ^ (state_ >> 30)) * 0xbf58476d1ce4e5b9;
    state_ = (state_ ^ (state_ >> 27)) * 0x94d049bb133111eb;
    state_ ^= state_ >> 31;
  }
  void add(const std::optional<challenge::Instant>& instant) {
    add(instant ? static_cast<std::uint64_t>(instant->time_since_epoch().count()) : ~std::uint64_t{0});
  }
  void add(std::string_view text) {
    for (const char character : text) add(static_cast<std::uint64_t>(static_cast<unsigned char>(character)));
    add(text.size());
  }
  std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0;
};

}  // namespace

std::string entity_tag(const Catalog& catalog, challenge::PlayerRows rows, challenge::Instant now, std::string_view view,
                       base::http::Coding coding) {
  Hash hash;
  hash.add(catalog.version);
  hash.add(view);
  hash.add(static_cast<std::uint64_t>(coding));
  for (const auto& [goal, row] : rows) {
    hash.add((std::uint64_t{goal} << 32) | (static_cast<std::uint64_t>(row.status) << 1) | (row.is_active ? 1 : 0));
    hash.add((static_cast<std::uint64_t>(row.baseline_value.value_or(0)) << 32) ^ static_cast<std::uint64_t>(row.progress));
    // A row that starts over is shown otherwise from then on, although nobody has written it.
    const bool starts_over = is_reset_due(catalog.config.goal(goal), row, now);
    hash.add((std::uint64_t{starts_over} << 1) | std::uint64_t{row.baseline_value.has_value()});
    hash.add(row.completed_at);
    hash.add(row.claimed_at);
  }
  std::string tag(18, '"');
  base::write_hex(tag.data() + 1, hash.value());
  return tag;
}

bool names_tag(std::string_view if_none_match, std::string_view tag) {
  if (if_none_match == "*") return true;
  // Our tags hold neither quotes nor commas, so finding one whole, quotes included, is finding it in the list.
  return if_none_match.find(tag) != std::string_view::npos;
}

}  // namespace gauntlet::service
