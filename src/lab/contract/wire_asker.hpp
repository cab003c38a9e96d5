#pragma once
// Requests to a backend over its two wires, one at a time.
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/curl.hpp"
#include "base/error.hpp"
#include "lab/contract/contract_answer.hpp"

namespace gauntlet::lab {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// Keeps its HTTP/1.1 connection. One thread at a time; a request takes 15 s at most. Errors are unavailable: no answer came.
class WireAsker {
 public:
  WireAsker();
  /// REST.
  base::Expected<ContractAnswer> http(const std::string& method, const std::string& url, const Headers& headers,
                                      const std::optional<std::string>& body);
  /// One unary call of service.Service; `message` is proto3 JSON. The answer's text is proto3 JSON with every field.
  base::Expected<ContractAnswer> grpc(const std::string& address, const std::string& method, const Headers& metadata,
                                      const nlohmann::json& message);

 private:
  base::Expected<ContractAnswer> perform(const std::string& method, const std::string& url, const Headers& headers,
                                         const std::optional<std::string>& body, bool http2);
  base::CurlHandle curl_;
};

}  // namespace gauntlet::lab
