#include "engine/wire/http/request_fields.hpp"

#include <algorithm>

#include "engine/wire/http_head.hpp"

namespace gauntlet::engine::wire {

std::size_t RequestFields::index_of(std::string_view canonical_name) const {
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (name_of(fields_[i]) == canonical_name) return i;
  }
  return kNone;
}

std::string_view RequestFields::value(std::string_view canonical_name) const {
  const std::size_t index = index_of(canonical_name);
  return index == kNone ? std::string_view() : value_of(fields_[index]);
}

void RequestFields::erase(std::string_view canonical_name) {
  const std::size_t index = index_of(canonical_name);
  if (index != kNone) fields_.erase(fields_.begin() + static_cast<std::ptrdiff_t>(index));
}

void RequestFields::set(std::string_view name, std::string_view value) {
  Field field{};
  field.name_at = static_cast<std::uint32_t>(bytes_.size());
  field.name_size = static_cast<std::uint32_t>(name.size());
  bytes_.append(name);
  canonicalise_field_name(bytes_.data() + field.name_at, name.size());
  field.value_at = static_cast<std::uint32_t>(bytes_.size());
  field.value_size = static_cast<std::uint32_t>(value.size());
  bytes_.append(value);
  const std::string_view canonical = name_of(field);
  const auto place = std::lower_bound(fields_.begin(), fields_.end(), canonical,
                                      [this](const Field& one, std::string_view wanted) { return name_of(one) < wanted; });
  if (place != fields_.end() && name_of(*place) == canonical) *place = field;
  else fields_.insert(place, field);
}

}  // namespace gauntlet::engine::wire
