#pragma once
// Percent-encoding of URLs (RFC 3986) and of gRPC status messages.
#include <optional>
#include <string>
#include <string_view>

namespace gauntlet::base {

/// Nothing when a '%' is not followed by two hex digits. '+' stays '+' unless `plus_is_space` (query values).
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
/// %XX of one byte.
void append_percent_encoded(std::string& out, char c);
/// A path's segment or a query's value: all but RFC 3986's unreserved characters become %XX.
std::string percent_encode(std::string_view text);
/// grpc-message: bytes outside printable ASCII, and '%', become %XX.
std::string percent_encode_grpc_message(std::string_view text);
/// What such a message says. A % without two digits behind it stays, as the protocol wants it.
std::string percent_decode_grpc_message(std::string_view text);

}  // namespace gauntlet::base
