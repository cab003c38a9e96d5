#pragma once
// Messages as the contract's JSON: lowerCamelCase keys, every field once and in the order of its number, zero values
// and empty strings sent, unset messages null. Reading takes both spellings, ignores unknown fields, and empty text
// equals {}.
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace google::protobuf {
class Message;
}

namespace gauntlet::service {

/// For fields of type string, bool, int32, message and lists of string and message: what service.proto has.
std::string to_json(const google::protobuf::Message& message);

/// For the requests' fields: string, bool, int32 and lists of string. invalid_argument says what does not fit.
base::Expected<void> from_json(std::string_view json, google::protobuf::Message& message);

}  // namespace gauntlet::service
