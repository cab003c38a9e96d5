#pragma once
// Tags that a script gives with a call: { name: value } with strings, numbers and booleans.
#include <quickjs.h>

#include <deque>
#include <string>
#include <string_view>

#include "engine/metrics/tags.hpp"
#include "engine/script/value.hpp"

namespace gauntlet::engine::api {

/// Holds the texts of tags until the tag set is interned.
class TagArguments {
 public:
  explicit TagArguments(JSContext* context) : context_(context) {}
  /// Adds each property of `tags`. False when one has a value of another kind: a GoError is thrown that begins with
  /// "cannot add tags for the '<what>' custom metric" when `what` names a metric. Undefined and null add nothing.
  bool add_to(metrics::TagBuilder& builder, JSValueConst tags, std::string_view what);

 private:
  JSContext* context_;
  std::deque<std::string> texts_;
};

/// The text of a tag value; false for a value of another kind than string, number and boolean.
bool tag_text(JSContext* context, JSValueConst value, std::string& text);

}  // namespace gauntlet::engine::api
