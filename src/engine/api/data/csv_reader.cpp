#include "engine/api/data/csv_reader.hpp"

#include <fmt/format.h>

namespace gauntlet::engine::api {

CsvReader::CsvReader(std::string_view text, std::string delimiter) : text_(text), delimiter_(std::move(delimiter)) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text_.starts_with(kByteOrderMark)) line_start_ = at_ = kByteOrderMark.size();
}

bool CsvReader::at_line_end() const { return at_ >= text_.size() || text_[at_] == '\n' || text_.substr(at_, 2) == "\r\n"; }

void CsvReader::skip_line_end() {
  if (at_ < text_.size() && text_[at_] == '\r') ++at_;
  if (at_ < text_.size()) ++at_;
  ++line_;
  line_start_ = at_;
}

base::Error CsvReader::malformed(const char* what) const {
  return {base::ErrorKind::invalid_argument, fmt::format("parse error on line {}, column {}: {}", line_, at_ - line_start_ + 1, what)};
}

base::Expected<std::string> CsvReader::plain_field() {
  std::string field;
  while (!at_line_end() && !text_.substr(at_).starts_with(delimiter_)) {
    if (text_[at_] == '"') return tl::unexpected(malformed("bare \" in non-quoted-field"));
    field += text_[at_++];
  }
  return field;
}

base::Expected<std::string> CsvReader::quoted_field() {
  std::string field;
  ++at_;
  while (at_ < text_.size()) {
    if (text_[at_] == '"') {
      ++at_;
      if (at_ < text_.size() && text_[at_] == '"') {
        field += '"';
        ++at_;
        continue;
      }
      if (at_line_end() || text_.substr(at_).starts_with(delimiter_)) return field;
      --at_;
      return tl::unexpected(malformed("extraneous or missing \" in quoted-field"));
    }
    if (at_line_end()) {
      field += '\n';
      skip_line_end();
    } else {
      field += text_[at_++];
    }
  }
  if (line_start_ == at_ && line_ > 1) {  // the line break at the end of the text belongs to the line before
    --line_;
    line_start_ = at_ > 1 ? text_.rfind('\n', at_ - 2) + 1 : 0;
  }
  return tl::unexpected(malformed("extraneous or missing \" in quoted-field"));
}

base::Expected<std::optional<CsvReader::Row>> CsvReader::next() {
  while (at_ < text_.size() && at_line_end()) skip_line_end();
  if (at_ >= text_.size()) return std::nullopt;
  Row row;
  const std::size_t first_line = line_;
  for (;;) {
    auto field = TRY(at_ < text_.size() && text_[at_] == '"' ? quoted_field() : plain_field());
    row.push_back(std::move(field));
    if (!text_.substr(at_).starts_with(delimiter_) || at_ >= text_.size()) break;
    at_ += delimiter_.size();
  }
  if (at_ < text_.size()) skip_line_end();
  if (fields_ == 0) fields_ = row.size();
  if (row.size() != fields_) {
    return base::fail(base::ErrorKind::invalid_argument, fmt::format("record on line {}: wrong number of fields", first_line));
  }
  return row;
}

}  // namespace gauntlet::engine::api
