#pragma once
// How messages of the fleet's protocol lie in a stream of bytes; proto/gauntlet/fleet/fleet.proto says what they mean.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "gauntlet/fleet/fleet.pb.h"

namespace gauntlet::engine::fleet {

namespace words = ::gauntlet::fleet::v1;

inline constexpr std::uint32_t kProtocol = 1;
/// What an agent's output begins with, behind what its carrier may have printed.
inline constexpr std::string_view kGreeting = "GAUNTLET-FLEET\n";
inline constexpr std::size_t kMostBeforeGreeting = 64 * 1024;
inline constexpr std::size_t kMostMessageBytes = std::size_t{256} << 20;
inline constexpr std::size_t kArchivePartBytes = std::size_t{1} << 20;

/// The message with its length in front.
std::string framed(const google::protobuf::MessageLite& message);

/// Takes bytes as they come and gives messages out.
class FrameReader {
 public:
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  /// False until the greeting is there, which is taken then; an error once it cannot come any more.
  base::Expected<bool> greeted();
  /// What came before the greeting, or comes in its place.
  const std::string& noise() const { return noise_; }
  /// Whether `message` was filled with the next one; an error when the bytes are no message.
  base::Expected<bool> next(google::protobuf::MessageLite& message);

 private:
  std::string buffer_;
  std::size_t begin_ = 0;  // of what has not been given out
  bool greeted_ = false;
  std::string noise_;
};

}  // namespace gauntlet::engine::fleet
