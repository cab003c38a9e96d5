#pragma once
// Errors as values. An Error says what went wrong in words for the person who must act on it; functions that can
// fail for reasons outside the program return Expected<T>. Programmer errors are asserts, not Errors.
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>

namespace gauntlet::base {

/// What kind of failure it is; the numbers are the gRPC status codes
/// (https://grpc.io/docs/guides/status-codes/), so that an Error maps to the wire without a table.
enum class ErrorKind : int {
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
  unauthenticated = 16,
};

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;

  /// The same failure seen from further up: "context: message".
  Error in(std::string_view context) && {
    message.insert(0, ": ").insert(0, context);
    return std::move(*this);
  }
};

template <class T>
using Expected = tl::expected<T, Error>;

/// `return fail(ErrorKind::not_found, "...")` in a function that returns Expected<T>.
inline tl::unexpected<Error> fail(ErrorKind kind, std::string message) { return tl::unexpected<Error>(Error{kind, std::move(message)}); }

/// What TRY hands on: the value of an Expected that has one; nothing of Expected<void>.
template <class T>
[[nodiscard]] auto value_of(T&& expected) {
  if constexpr (!std::is_void_v<typename std::remove_cvref_t<T>::value_type>) return *std::forward<T>(expected);
}

}  // namespace gauntlet::base

/// The value of an Expected; where it is an error, the function around returns that error: `auto rows = TRY(read(file));`.
/// It is a statement expression of GCC and clang (https://gcc.gnu.org/onlinedocs/gcc/Statement-Exprs.html), and none for coroutines,
/// in which `return` is no word: those say co_return themselves. A value that nobody names ends at the semicolon, a lock too, so
/// clang-tidy refuses it; where none is wanted, `std::ignore = TRY(...)` says so.
#define TRY(...)                                                                                         \
  __extension__({                                                                                        \
    auto&& tried_value = __VA_ARGS__;                                                                    \
    if (!tried_value) return ::tl::unexpected(std::forward<decltype(tried_value)>(tried_value).error()); \
    ::gauntlet::base::value_of(std::forward<decltype(tried_value)>(tried_value));                        \
  })
