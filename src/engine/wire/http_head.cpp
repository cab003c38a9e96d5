#include "engine/wire/http_head.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/text.hpp"

namespace gauntlet::engine::wire {
namespace {

constexpr std::array<bool, 256> token_bytes() {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}
constexpr std::array<bool, 256> kToken = token_bytes();

/// The line that starts at `start`, without its end; `next` is where the next one starts, or npos when it is not whole.
std::string_view line_at(std::string_view bytes, std::size_t start, std::size_t& next) {
  const auto end = bytes.find('\n', start);
  next = end == std::string_view::npos ? end : end + 1;
  std::string_view line = bytes.substr(start, end == std::string_view::npos ? end : end - start);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool parse_status_line(std::string_view line, ResponseHead& head, Failure& problem) {
  const auto refuse = [&](std::string_view what, std::string_view text) {
    problem = failure(error_code::kOther, fmt::format("{} {}", what, go_quote(text)));
    return false;
  };
  const auto space = line.find(' ');
  if (space == std::string_view::npos) return refuse("malformed HTTP response", line);
  head.protocol = line.substr(0, space);
  std::string_view rest = line.substr(space + 1);
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  head.status_text = rest;
  const std::string_view code = rest.substr(0, rest.find(' '));
  if (code.size() != 3 || !std::all_of(code.begin(), code.end(), base::is_digit)) return refuse("malformed HTTP status code", code);
  head.status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
  const std::string_view version = head.protocol;
  if (version.size() != 8 || !version.starts_with("HTTP/") || !base::is_digit(version[5]) || version[6] != '.' ||
      !base::is_digit(version[7])) {
    return refuse("malformed HTTP version", version);
  }
  head.major = version[5] - '0';
  head.minor = version[7] - '0';
  head.keeps_alive = head.major > 1 || (head.major == 1 && head.minor >= 1);
  return true;
}

/// The header lines that decide about framing, seen one by one.
class Framing {
 public:
  explicit Framing(ResponseHead& head) : head_(head) {}

  void see(std::string_view name, std::string_view value) {
    switch (name.size()) {
      case 14:
        if (base::equals_ignoring_case(name, "content-length")) lengths_[std::min<std::size_t>(length_count_++, 1)] = value;
        if (length_count_ == 2 && lengths_[1] != lengths_[0]) lengths_differ_ = true;
        if (length_count_ > 2 && lengths_[1] != lengths_[0]) lengths_differ_ = true;
        break;
      case 17:
        if (base::equals_ignoring_case(name, "transfer-encoding")) {
          ++transfer_count_;
          if (transfer_count_ == 1) transfer_ = value;
          else second_transfer_ = value;
        }
        break;
      case 10:
        if (base::equals_ignoring_case(name, "set-cookie")) {
          head_.has_cookies = true;
        } else if (base::equals_ignoring_case(name, "connection")) {
          if (list_has_token(value, "close")) closes_ = true;
          if (list_has_token(value, "keep-alive")) keeps_ = true;
        }
        break;
      case 16:
        if (base::equals_ignoring_case(name, "content-encoding")) head_.has_encoding = true;
        break;
      default: break;
    }
  }

  bool conclude(Failure& problem) {
    if (closes_) head_.keeps_alive = false;
    else if (keeps_) head_.keeps_alive = true;
    const bool understands_chunks = head_.major > 1 || (head_.major == 1 && head_.minor >= 1);
    if (transfer_count_ > 0 && understands_chunks) {
      if (transfer_count_ > 1) {
        problem = failure(error_code::kOther,
                          fmt::format("too many transfer encodings: [{} {}]", go_quote(transfer_), go_quote(second_transfer_)));
        return false;
      }
      if (!base::equals_ignoring_case(transfer_, "chunked")) {
        problem = failure(error_code::kOther, "unsupported transfer encoding: " + go_quote(transfer_));
        return false;
      }
      head_.is_chunked = true;
      return true;  // a Content-Length beside it is ignored
    }
    if (lengths_differ_) {
      problem = failure(error_code::kOther, fmt::format("http: message cannot contain multiple Content-Length headers; got [{} {}]",
                                                        go_quote(lengths_[0]), go_quote(lengths_[1])));
      return false;
    }
    if (length_count_ == 0) return true;
    const std::string_view text = lengths_[0];
    std::int64_t length = 0;
    bool ok = !text.empty() && text.size() <= 18;
    for (const char c : text) {
      ok = ok && base::is_digit(c);
      if (ok) length = length * 10 + (c - '0');
    }
    if (!ok) {
      problem = failure(error_code::kOther, "bad Content-Length " + go_quote(text));
      return false;
    }
    head_.content_length = length;
    return true;
  }

 private:
  ResponseHead& head_;
  std::array<std::string_view, 2> lengths_;
  std::size_t length_count_ = 0;
  bool lengths_differ_ = false;
  std::string_view transfer_;
  std::string_view second_transfer_;
  int transfer_count_ = 0;
  bool closes_ = false;
  bool keeps_ = false;
};

/// Joins continued lines in place, filling up with spaces so that no length changes: "a: b\r\n  c" -> "a: b    c".
void unfold(char* bytes, std::size_t size) {
  for (std::size_t i = 1; i < size; ++i) {
    if (bytes[i - 1] != '\n' || (bytes[i] != ' ' && bytes[i] != '\t')) continue;
    std::size_t end = i - 1;
    if (end > 0 && bytes[end - 1] == '\r') --end;
    while (end > 0 && (bytes[end - 1] == ' ' || bytes[end - 1] == '\t')) --end;
    std::size_t start = i;
    while (start < size && (bytes[start] == ' ' || bytes[start] == '\t')) ++start;
    // One space joins the parts: the second part moves down, and what becomes free goes to the end of its line.
    std::size_t line_end = start;
    while (line_end < size && bytes[line_end] != '\r' && bytes[line_end] != '\n') ++line_end;
    bytes[end] = ' ';
    std::memmove(bytes + end + 1, bytes + start, line_end - start);
    std::memset(bytes + end + 1 + (line_end - start), ' ', start - end - 1);
  }
}

HeadState cut_off(Failure& problem) {
  problem = failure(error_code::kOther, "unexpected EOF");
  return HeadState::cut_off;
}

}  // namespace

HeadState parse_response_head(char* bytes, std::size_t size, bool ended, ResponseHead& head, std::size_t& length, Failure& problem) {
  const std::string_view text(bytes, size);
  head = {};
  std::size_t next = 0;
  const std::string_view first = line_at(text, 0, next);
  if (next == std::string_view::npos) {
    if (!ended) return HeadState::incomplete;
    return cut_off(problem);
  }
  if (!parse_status_line(first, head, problem)) return HeadState::malformed;
  const std::size_t fields_start = next;
  Framing framing(head);
  for (std::size_t start = next;; start = next) {
    const std::string_view line = line_at(text, start, next);
    if (next == std::string_view::npos && !ended) return HeadState::incomplete;
    if (line.empty()) {
      if (next == std::string_view::npos) break;
      head.fields = text.substr(fields_start, start - fields_start);
      length = next;
      return framing.conclude(problem) ? HeadState::complete : HeadState::malformed;
    }
    if (line[0] == ' ' || line[0] == '\t') {
      if (start == fields_start) {
        problem = failure(error_code::kOther, fmt::format("malformed MIME header initial line: {}", go_quote(line)));
        return HeadState::malformed;
      }
      // Rare enough to start over once the whole head is there.
      std::size_t end = start;
      for (std::size_t after = start;; end = after) {
        if (line_at(text, end, after).empty() && after != std::string_view::npos) break;
        if (after != std::string_view::npos) continue;
        if (!ended) return HeadState::incomplete;
        return cut_off(problem);
      }
      unfold(bytes, end);
      return parse_response_head(bytes, size, ended, head, length, problem);
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) {
      problem = failure(error_code::kOther, "malformed MIME header: missing colon: " + go_quote(line));
      return HeadState::malformed;
    }
    if (next == std::string_view::npos) break;
    framing.see(line.substr(0, colon), base::trimmed(line.substr(colon + 1)));
  }
  return cut_off(problem);
}

std::string_view field_value(std::string_view fields, std::string_view lower_name) {
  std::string_view result;
  bool found = false;
  for_each_field(fields, [&](std::string_view name, std::string_view value) {
    if (found || !base::equals_ignoring_case(name, lower_name)) return;
    result = value;
    found = true;
  });
  return result;
}

void canonicalise_field_name(char* name, std::size_t size) {
  if (!is_token({name, size})) return;
  bool is_start = true;
  for (std::size_t i = 0; i < size; ++i) {
    char& c = name[i];
    if (is_start && c >= 'a' && c <= 'z') c = static_cast<char>(c - 0x20);
    else if (!is_start) c = base::lower_case(c);
    is_start = c == '-';
  }
}

std::string canonical_field_name(std::string_view name) {
  std::string out(name);
  canonicalise_field_name(out.data(), out.size());
  return out;
}

bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return kToken[static_cast<unsigned char>(c)]; });
}

bool is_field_value(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
  });
}

bool list_has_token(std::string_view list, std::string_view lower_text) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (base::equals_ignoring_case(base::trimmed(list.substr(0, comma)), lower_text)) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace gauntlet::engine::wire
