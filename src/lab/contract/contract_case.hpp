#pragma once
// One line of the contract (the services' wire, their configuration, their rules) as something to ask and what to expect.
// The table is tests/contract/cases.json, which lies in the program.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::lab {

/// A player's row that must stand in the database before the case asks.
struct ContractRow {
  std::string goal;
  std::string status = "not_started";
  std::int32_t progress = 0;
  bool active = true;
  std::string age = "0 s";  // since it was written, a PostgreSQL interval
  std::optional<std::int32_t> baseline;
};

/// "POST /v1/challenges/initialize", below the base URL. Strings may hold {player} and what was remembered: {name}.
struct ContractRequest {
  std::string method;
  std::string path;
  nlohmann::json headers = nlohmann::json::object();
  std::optional<std::string> body;
  nlohmann::json remember = nlohmann::json::object();  // name -> pointer into the answer
  bool as_player = true;                               // sends x-mock-user-id
};

struct ContractCase {
  std::string section;  // of the contract: "1", "3", "4.2"
  std::string name;
  std::vector<ContractRow> rows;
  std::vector<ContractRequest> before;
  std::optional<ContractRequest> ask;
  std::string grpc_method;  // "ClaimGoalReward": asked over gRPC too; empty: not
  nlohmann::json grpc_message = nlohmann::json::object();
  int status = 200;
  std::optional<int> error_code;
  std::string error_text;                            // contained in its message
  nlohmann::json expect = nlohmann::json::object();  // pointer -> value; see contract_answer.hpp
  nlohmann::json expect_headers = nlohmann::json::object();
  std::optional<nlohmann::json> config;  // RFC 6902 patch of the challenge config: section 3, asked of a program
  std::vector<std::string> refused;      // words of the refusal; empty: the program takes the config
};

/// The whole table. Malformed ones are programmer errors, told as internal.
base::Expected<std::vector<ContractCase>> contract_cases();
/// The challenge config that the service must run with.
std::string_view contract_config();

}  // namespace gauntlet::lab
