#pragma once
// The parameter objects of client.connect(), invoke() and Stream, checked with k6's texts.
#include <quickjs.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "engine/wire/grpc/client.hpp"

namespace gauntlet::engine::api {

using GrpcMetadataList = std::vector<std::pair<std::string, std::string>>;

struct GrpcConnectParams {
  struct Tls {
    std::string certificate;
    std::string key;
    std::string password;
    std::string ca_certificates;
    auto operator<=>(const Tls&) const = default;
  };

  bool plaintext = false;
  bool reflect = false;
  GrpcMetadataList reflect_metadata;
  std::chrono::nanoseconds timeout = std::chrono::seconds(60);
  std::int64_t max_receive_bytes = 0;  ///< 0: gRPC's default
  std::int64_t max_send_bytes = 0;
  std::string authority;
  std::optional<Tls> tls;
};

struct GrpcCallParams {
  GrpcMetadataList metadata;  ///< names in lower case
  std::vector<std::pair<std::string, std::string>> tags;
  std::optional<std::chrono::nanoseconds> timeout;
  bool discard_message = false;

  /// Views into `metadata`.
  std::vector<wire::GrpcMetadata::Entry> metadata_entries() const;
};

/// Both give what is wrong in k6's words. A getter of the script that throws is reported by its exception, which stays
/// pending; the error's message is then empty.
base::Expected<GrpcConnectParams> parse_connect_params(JSContext* context, JSValueConst value);
base::Expected<void> parse_call_params(JSContext* context, JSValueConst value, GrpcCallParams& into);

}  // namespace gauntlet::engine::api
