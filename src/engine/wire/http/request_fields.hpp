#pragma once
// The header fields of a request: canonical names, one value each, sorted as Go sends them. Memory is kept when
// cleared, so that a virtual user's requests allocate none.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gauntlet::engine::wire {

class RequestFields {
 public:
  void clear() {
    bytes_.clear();
    fields_.clear();
  }
  /// Canonicalises the name; the last value of a name counts. Views given must not be into this object.
  void set(std::string_view name, std::string_view value);
  void erase(std::string_view canonical_name);
  bool has(std::string_view canonical_name) const { return index_of(canonical_name) != kNone; }
  /// Empty when there is none.
  std::string_view value(std::string_view canonical_name) const;
  std::size_t size() const { return fields_.size(); }

  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Field& field : fields_) visit(name_of(field), value_of(field));
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  struct Field {
    std::uint32_t name_at;
    std::uint32_t name_size;
    std::uint32_t value_at;
    std::uint32_t value_size;
  };
  std::string_view name_of(const Field& field) const { return std::string_view(bytes_).substr(field.name_at, field.name_size); }
  std::string_view value_of(const Field& field) const { return std::string_view(bytes_).substr(field.value_at, field.value_size); }
  std::size_t index_of(std::string_view canonical_name) const;

  std::string bytes_;
  std::vector<Field> fields_;  // sorted by name
};

}  // namespace gauntlet::engine::wire
