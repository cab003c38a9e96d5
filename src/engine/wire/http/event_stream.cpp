#include "engine/wire/http/event_stream.hpp"

#include <charconv>
#include <utility>

namespace gauntlet::engine::wire {

bool EventStream::next(std::string_view& bytes) {
  while (!bytes.empty()) {
    if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const auto end = bytes.find_first_of("\r\n");
    const std::string_view part = bytes.substr(0, end);
    if (end == std::string_view::npos || !line_.empty()) line_.append(part);
    if (is_too_large() || end == std::string_view::npos) {
      bytes = {};
      return false;
    }
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    const std::string kept = std::exchange(line_, {});
    if (take_line(kept.empty() ? part : std::string_view(kept))) return true;
  }
  return false;
}

bool EventStream::take_line(std::string_view line) {
  if (std::exchange(at_start_, false) && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  if (line.empty()) {
    event_.type = type_.empty() ? "message" : std::exchange(type_, {});
    type_.clear();
    if (data_.empty()) return false;
    event_.data = std::exchange(data_, {});
    event_.data.pop_back();  // the last line's end
    return true;
  }
  const auto colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    data_.append(value).append(1, '\n');
  } else if (name == "event") {
    type_ = value;
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) event_.id = value;
  } else if (name == "retry") {
    unsigned milliseconds = 0;
    const auto [last, error] = std::from_chars(value.data(), value.data() + value.size(), milliseconds);
    if (error == std::errc() && last == value.data() + value.size()) event_.retry = std::chrono::milliseconds(milliseconds);
  }
  return false;
}

}  // namespace gauntlet::engine::wire
