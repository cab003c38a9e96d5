#include "lab/contract/contract_case.hpp"

#include "embedded/contract_config.hpp"
#include "embedded/contract_table.hpp"

namespace gauntlet::lab {
namespace {

using nlohmann::json;

/// A string is "METHOD /path"; an object has it as "ask" and the rest beside it.
ContractRequest read_request(const json& read) {
  ContractRequest request;
  const std::string line = read.is_string() ? read.get<std::string>() : read.at("ask").get<std::string>();
  request.method = line.substr(0, line.find(' '));
  request.path = line.substr(line.find(' ') + 1);
  if (read.is_string()) return request;
  if (read.contains("headers")) request.headers = read["headers"];
  if (read.contains("remember")) request.remember = read["remember"];
  if (read.contains("body")) request.body = read["body"].dump();
  if (read.contains("raw")) request.body = read["raw"].get<std::string>();
  request.as_player = read.value("asPlayer", true);
  return request;
}

ContractRow read_row(const json& read) {
  ContractRow row;
  row.goal = read.at("goal");
  row.status = read.value("status", row.status);
  row.progress = read.value("progress", row.progress);
  row.active = read.value("active", row.active);
  row.age = read.value("age", row.age);
  if (read.contains("baseline")) row.baseline = read["baseline"].get<std::int32_t>();
  return row;
}

ContractCase read_case(const json& read) {
  ContractCase one;
  one.section = read.at("section");
  one.name = read.at("case");
  for (const json& row : read.value("rows", json::array())) one.rows.push_back(read_row(row));
  for (const json& request : read.value("before", json::array())) one.before.push_back(read_request(request));
  if (read.contains("ask")) one.ask = read_request(read);
  one.grpc_method = read.value("grpc", "");
  one.grpc_message = read.value("message", json::object());
  one.status = read.value("status", 200);
  if (read.contains("error")) {
    one.error_code = read["error"].at(0).get<int>();
    one.error_text = read["error"].at(1).get<std::string>();
  }
  one.expect = read.value("expect", json::object());
  one.expect_headers = read.value("expectHeaders", json::object());
  if (read.contains("config")) one.config = read["config"];
  one.refused = read.value("refused", std::vector<std::string>());
  return one;
}

}  // namespace

base::Expected<std::vector<ContractCase>> contract_cases() {
  std::vector<ContractCase> cases;
  try {
    for (const json& read : json::parse(embedded::contract_table())) cases.push_back(read_case(read));
  } catch (const json::exception& problem) {
    return base::fail(base::ErrorKind::internal, "case " + std::to_string(cases.size()) + " of the contract's table: " + problem.what());
  }
  return cases;
}

std::string_view contract_config() { return embedded::contract_config(); }

}  // namespace gauntlet::lab
