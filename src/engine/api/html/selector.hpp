#pragma once
// CSS selectors as k6/html has them: the standard ones without pseudo-elements, and jQuery's :contains(), :has(),
// :input, [a!=b] and their kind.
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/api/html/document.hpp"

namespace gauntlet::engine::html {

class Selector {
 public:
  /// Nothing for what is no selector.
  static std::optional<Selector> parse(std::string_view text);

  bool matches(const Node& element) const;
  /// All elements below `root` that match, in document order.
  std::vector<const Node*> find_all(const Node& root) const;

  // The parsed form.
  struct Compound;
  struct Complex;

  Selector();
  Selector(Selector&&) noexcept;
  Selector& operator=(Selector&&) noexcept;
  ~Selector();

 private:
  friend class SelectorParser;
  std::vector<Complex> alternatives_;
};

}  // namespace gauntlet::engine::html
