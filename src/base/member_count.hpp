#pragma once
// How many members an aggregate has, counted at compile time: holds a table of them complete.
//
//   static_assert(std::tuple_size_v<decltype(kTable)> == base::member_count<Thing>());
#include <cstddef>
#include <utility>

namespace gauntlet::base {

namespace detail {

struct AnyMember {
  template <class T>
  operator T() const;  // NOLINT(google-explicit-constructor): stands for whatever a member is
};

template <class T, std::size_t... i>
constexpr bool takes(std::index_sequence<i...>) {
  return requires { T{(static_cast<void>(i), AnyMember())...}; };
}

}  // namespace detail

/// Of an aggregate without base classes whose members are no arrays and no aggregates themselves.
template <class T, std::size_t count = 0>
constexpr std::size_t member_count() {
  if constexpr (detail::takes<T>(std::make_index_sequence<count + 1>())) {
    return member_count<T, count + 1>();
  } else {
    return count;
  }
}

}  // namespace gauntlet::base
