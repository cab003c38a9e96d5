#pragma once
namespace gauntlet::engine::json {

/// What Go's decoder calls a value of nlohmann's in its messages.
template <class Json>
const char* go_kind(const Json& value) {
  switch (value.type()) {
    case Json::value_t::string: return "string";
    case Json::value_t::boolean: return "bool";
    case Json::value_t::array: return "array";
    case Json::value_t::object: return "object";
    default: return "number";
  }
}

}  // namespace gauntlet::engine::json
