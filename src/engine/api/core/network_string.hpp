#pragma once
#include <quickjs.h>

#include <string_view>

namespace gauntlet::engine::api {

/// Text from the network as a string: bytes that are no UTF-8 become U+FFFD each, as Go has it.
JSValue new_network_string(JSContext* context, std::string_view bytes);

}  // namespace gauntlet::engine::api
