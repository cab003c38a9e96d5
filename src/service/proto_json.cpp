#include "service/proto_json.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cassert>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/json_document.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"

namespace gauntlet::service {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void append_message(std::string& out, const Message& message);

void append_list(std::string& out, const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  out += '[';
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    if (i != 0) out += ',';
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      append_message(out, reflection.GetRepeatedMessage(message, &field, i));
    } else {
      assert(field.cpp_type() == FieldDescriptor::CPPTYPE_STRING);
      base::append_json_string(out, reflection.GetRepeatedStringReference(message, &field, i, nullptr));
    }
  }
  out += ']';
}

void append_value(std::string& out, const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  if (field.is_repeated()) return append_list(out, message, field);
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL: out += reflection.GetBool(message, &field) ? "true" : "false"; break;
    case FieldDescriptor::CPPTYPE_INT32: base::append_json_integer(out, reflection.GetInt32(message, &field)); break;
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      base::append_json_string(out, reflection.GetStringReference(message, &field, &scratch));
      break;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (reflection.HasField(message, &field)) {
        append_message(out, reflection.GetMessage(message, &field));
      } else {
        out += "null";
      }
      break;
    default: assert(false && "a field type that service.proto does not have");
  }
}

void append_message(std::string& out, const Message& message) {
  const auto& descriptor = *message.GetDescriptor();
  out += '{';
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    if (i != 0) out += ',';
    base::append_json_string(out, field.json_name());
    out += ':';
    append_value(out, message, field);
  }
  out += '}';
}

using Json = nlohmann::json;

tl::unexpected<base::Error> unfit(const FieldDescriptor& field, const Json& value) {
  return base::fail(base::ErrorKind::invalid_argument, "invalid value for " + std::string(field.cpp_type_name()) + " field " +
                                                           std::string(field.json_name()) + ": " + base::json_text(value).substr(0, 100));
}

/// int32 as proto3 JSON takes it: a number without fraction, also written as 3.0 or "3".
std::optional<std::int32_t> int32_of(const Json& value) {
  double number = 0;
  if (value.is_number()) {
    number = value.get<double>();
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  } else {
    return std::nullopt;
  }
  if (number != std::trunc(number) || number < std::numeric_limits<std::int32_t>::min() ||
      number > std::numeric_limits<std::int32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::int32_t>(number);
}

base::Expected<void> read_field(const Json& value, const FieldDescriptor& field, Message& message) {
  const Reflection& reflection = *message.GetReflection();
  if (field.is_repeated()) {
    if (!value.is_array()) return unfit(field, value);
    for (const Json& element : value) {
      if (!element.is_string()) return unfit(field, element);
      reflection.AddString(&message, &field, element.get<std::string>());
    }
    return {};
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      if (!value.is_boolean()) return unfit(field, value);
      reflection.SetBool(&message, &field, value.get<bool>());
      return {};
    case FieldDescriptor::CPPTYPE_INT32: {
      const auto number = int32_of(value);
      if (!number) return unfit(field, value);
      reflection.SetInt32(&message, &field, *number);
      return {};
    }
    case FieldDescriptor::CPPTYPE_STRING:
      if (!value.is_string()) return unfit(field, value);
      reflection.SetString(&message, &field, value.get<std::string>());
      return {};
    default: assert(false && "a field type that the requests of service.proto do not have");
  }
  return {};
}

}  // namespace

std::string to_json(const Message& message) {
  std::string out;
  out.reserve(512);
  append_message(out, message);
  return out;
}

base::Expected<void> from_json(std::string_view json, Message& message) {
  if (base::trimmed(json, base::kWhiteSpace).empty()) return {};
  if (base::json_depth(json) > base::kMaxJsonDepth)
    return base::fail(base::ErrorKind::invalid_argument,
                      "the request body is nested deeper than " + std::to_string(base::kMaxJsonDepth) + " levels");
  if (json.find('\0') != std::string_view::npos)  // the parser would take it for the end
    return base::fail(base::ErrorKind::invalid_argument, "the request body has a byte NUL");
  Json object;
  try {
    object = Json::parse(json);
  } catch (const Json::exception& error) {
    const std::string_view what = error.what();
    const std::size_t detail = what.find("syntax error");
    return base::fail(base::ErrorKind::invalid_argument,
                      "the request body is not JSON: " + std::string(what.substr(detail == std::string_view::npos ? 0 : detail)));
  }
  if (!object.is_object()) return base::fail(base::ErrorKind::invalid_argument, "the request body must be a JSON object");
  const auto& descriptor = *message.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    auto found = object.find(std::string(field.json_name()));
    if (found == object.end()) found = object.find(std::string(field.name()));
    if (found == object.end() || found->is_null()) continue;
    if (auto read = read_field(*found, field, message); !read) return read;
  }
  return {};
}

}  // namespace gauntlet::service
