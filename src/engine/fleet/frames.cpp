#include "engine/fleet/frames.hpp"

#include <fmt/format.h>

#include "base/big_endian.hpp"

namespace gauntlet::engine::fleet {
namespace {

constexpr std::size_t kHead = 4;  // bytes of a length

}  // namespace

std::string framed(const google::protobuf::MessageLite& message) {
  std::string frame;
  base::big_endian::append(frame, static_cast<std::uint32_t>(message.ByteSizeLong()));
  message.AppendToString(&frame);
  return frame;
}

base::Expected<bool> FrameReader::greeted() {
  if (greeted_) return true;
  const std::size_t found = buffer_.find(kGreeting);
  greeted_ = found != std::string::npos;
  noise_ = buffer_.substr(0, found);
  if (greeted_) buffer_.erase(0, found + kGreeting.size());
  if (!greeted_ && buffer_.size() > kMostBeforeGreeting)
    return base::fail(base::ErrorKind::invalid_argument, "what answers is no gauntlet agent");
  return greeted_;
}

base::Expected<bool> FrameReader::next(google::protobuf::MessageLite& message) {
  const std::string_view left = std::string_view(buffer_).substr(begin_);
  const auto wait = [&] {
    buffer_.erase(0, begin_);
    begin_ = 0;
    return false;
  };
  if (left.size() < kHead) return wait();
  const std::size_t size = base::big_endian::get<std::uint32_t>(left.data());
  if (size > kMostMessageBytes)
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("a message of {} MB came where {} are allowed", size >> 20U, kMostMessageBytes >> 20U));
  if (left.size() < kHead + size) return wait();
  if (!message.ParseFromArray(left.data() + kHead, static_cast<int>(size)))
    return base::fail(base::ErrorKind::invalid_argument, "a message came that is none of the fleet's protocol");
  begin_ += kHead + size;
  return true;
}

}  // namespace gauntlet::engine::fleet
