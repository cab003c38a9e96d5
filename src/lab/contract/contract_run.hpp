#pragma once
// Asks a running challenge backend every line of its contract (gauntlet contract-test): ours, or another that claims to
// keep it. The backend runs with contract_config() and without checking tokens; every case is a player of its own.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/contract/contract_case.hpp"
#include "postgres/connection_options.hpp"

namespace gauntlet::lab {

struct ContractTarget {
  std::string base_url;                                 // "http://host:8000/challenge"
  std::string grpc;                                     // "host:6565"; empty: not asked over gRPC
  std::optional<postgres::ConnectionOptions> database;  // absent: cases that need rows are skipped
  std::string program;  // challenge-service, started with wrong configs (section 3); empty: those are skipped
  std::string filter;   // only cases whose section or name has this text
};

struct ContractResult {
  std::string section;
  std::string name;
  enum class Verdict { passed, failed, skipped } verdict = Verdict::passed;
  std::string reason;  // of a failure or a skip
};

/// Runs the cases in the table's order and calls `told` after each. Rows that it wrote are deleted in the end. Fails only
/// where nothing could be asked: the service or the database cannot be reached, or does not have contract_config().
base::Expected<std::vector<ContractResult>> run_contract(const ContractTarget& target,
                                                         const std::function<void(const ContractResult&)>& told);

}  // namespace gauntlet::lab
