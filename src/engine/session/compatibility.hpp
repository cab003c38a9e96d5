#pragma once
// What of k6 this engine has. docs/ENGINE_COMPATIBILITY.md is printed from this table (`gauntlet compatibility`), and a
// test holds the document and the registered modules to it.
#include <span>
#include <string>
#include <string_view>

namespace gauntlet::engine {

enum class Compatibility {
  same,    // as k6 2.3 does it
  better,  // different on purpose; the note says how
  absent,  // fails with a message that names it
};

struct CompatibilityRow {
  std::string_view area;
  std::string_view item;
  Compatibility state;
  std::string_view note;
};

/// Rows of one area stand together.
std::span<const CompatibilityRow> compatibility_table();

/// The table as Markdown, with a heading for each area.
std::string compatibility_markdown();

}  // namespace gauntlet::engine
