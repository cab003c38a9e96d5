#pragma once
// Writes JSON text piece by piece, numbers as JavaScript writes them.
//
//   JsonWriter json;
//   json.begin_object().key("count").number(5).key("ok").boolean(true).end_object();
//   file << json.text();
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gauntlet::engine::results {

class JsonWriter {
 public:
  /// `indent` blanks a level; 0 writes everything in one line.
  explicit JsonWriter(int indent = 0) : indent_(indent) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& string(std::string_view value);
  JsonWriter& number(double value);
  JsonWriter& integer(std::uint64_t value);
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  /// Text that is JSON already.
  JsonWriter& raw(std::string_view json);

  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void before_value();
  void new_line();

  std::string text_;
  const int indent_;
  std::vector<bool> has_members_;
  bool after_key_ = false;
};

}  // namespace gauntlet::engine::results
