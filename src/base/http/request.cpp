#include "base/http/request.hpp"

#include <cassert>

#include "base/percent.hpp"
#include "base/text.hpp"

namespace gauntlet::base::http {
namespace {

// A pooled request keeps its memory, but not what one unusual head or body made of it.
constexpr std::size_t kKeptBytes = 8 * 1024;

void empty(std::string& text) {
  if (text.capacity() > kKeptBytes) free_memory(text);
  text.clear();
}

}  // namespace

Request::Slice Request::store(std::string_view text) {
  const Slice slice{static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(text.size())};
  text_.append(text);
  return slice;
}

void Request::clear() {
  empty(text_);
  method_ = target_ = path_ = query_ = authority_ = {};
  headers_.clear();
  parameters_.clear();
  empty(body_);
  http2_ = from_loopback_ = false;
}

void Request::set_target(std::string_view target) {
  target_ = store(target);
  const std::size_t question = target.find('?');
  const std::size_t path_size = question == std::string_view::npos ? target.size() : question;
  path_ = {target_.offset, static_cast<std::uint32_t>(path_size)};
  if (path_size < target.size()) {
    query_ = {static_cast<std::uint32_t>(target_.offset + path_size + 1), static_cast<std::uint32_t>(target.size() - path_size - 1)};
  } else {
    query_ = {};
  }
}

void Request::add_header(std::string_view name, std::string_view value) {
  HeaderSlices slices;
  slices.name = store(name);
  for (std::size_t i = slices.name.offset; i < text_.size(); ++i) text_[i] = lower_case(text_[i]);
  slices.value = store(value);
  headers_.push_back(slices);
}

std::optional<std::string_view> Request::header(std::string_view lower_case_name) const {
  for (const HeaderSlices& header : headers_) {
    if (header.name.size == lower_case_name.size() && view(header.name) == lower_case_name) return view(header.value);
  }
  return std::nullopt;
}

std::optional<std::string> Request::header_list(std::string_view lower_case_name) const {
  std::optional<std::string> list;
  for (const HeaderSlices& header : headers_) {
    if (view(header.name) != lower_case_name) continue;
    if (list) list->append(", ").append(view(header.value));
    if (!list) list.emplace(view(header.value));
  }
  return list;
}

std::size_t Request::header_occurrences(std::string_view lower_case_name) const {
  std::size_t occurrences = 0;
  for (const HeaderSlices& header : headers_) occurrences += view(header.name) == lower_case_name ? 1 : 0;
  return occurrences;
}

std::string_view Request::parameter(std::string_view name) const {
  for (const Parameter& parameter : parameters_) {
    if (parameter.name == name) return parameter.value;
  }
  assert(false && "the route's pattern has no such parameter");
  return {};
}

std::optional<std::string> Request::query_value(std::string_view name) const {
  std::string_view rest = query();
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    const std::size_t equals = pair.find('=');
    const auto key = percent_decode(pair.substr(0, equals), true);
    if (!key || *key != name) continue;
    if (equals == std::string_view::npos) return std::string();
    const std::string_view raw = pair.substr(equals + 1);
    return percent_decode(raw, true).value_or(std::string(raw));
  }
  return std::nullopt;
}

}  // namespace gauntlet::base::http
