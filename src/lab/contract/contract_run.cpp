#include "lab/contract/contract_run.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>

#include "lab/atomic_file.hpp"
#include "lab/contract/contract_answer.hpp"
#include "lab/contract/wire_asker.hpp"
#include "postgres/blocking_connection.hpp"
#include "postgres/statement.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;
using base::Expected;
using base::fail;
using nlohmann::json;
using postgres::Statement;
using postgres::Type;
using Verdict = ContractResult::Verdict;

/// A program that has not refused its config by then has taken it.
constexpr std::chrono::seconds kProgramPatience{10};
/// challenge-service's exit status for a wrong challenge config.
constexpr int kConfigRefused = 3;

// $1 player, $2 goal, $3 challenge, $4 progress, $5 status, $6 active, $7 age, $8 baseline: as events would have left it.
const Statement kPutRow(
    "INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace, progress, status, completed_at, claimed_at,"
    " is_active, assigned_at, updated_at, baseline_value)"
    " SELECT $1, $2, $3, 'contract', $4, $5, CASE WHEN $5 IN ('completed', 'claimed') THEN written.at END,"
    " CASE WHEN $5 = 'claimed' THEN written.at END, $6, written.at, written.at, $8"
    " FROM (SELECT timezone('utc', now()) - $7::interval AS at) AS written",
    {Type::text, Type::text, Type::text, Type::int4, Type::text, Type::boolean, Type::text, Type::int4});

std::string replaced(std::string text, const std::map<std::string, std::string>& words) {
  for (const auto& [name, value] : words) {
    const std::string mark = "{" + name + "}";
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + value.size()))
      text.replace(at, mark.size(), value);
  }
  return text;
}

json replaced(const json& value, const std::map<std::string, std::string>& words) {
  if (value.is_string()) return replaced(value.get<std::string>(), words);
  if (!value.is_structured()) return value;
  json copy = value;
  for (auto& element : copy) element = replaced(element, words);
  return copy;
}

class ContractRun {
 public:
  explicit ContractRun(const ContractTarget& target) : target_(target) {
    std::random_device dice;
    char mark[16];
    std::snprintf(mark, sizeof mark, "%08x", dice());
    prefix_ = std::string("contract-") + mark + "-";
    config_ = json::parse(contract_config());
    for (const json& challenge : config_["challenges"]) {
      for (const json& goal : challenge["goals"]) {
        challenge_of_[id_of(goal, "goalId")] = id_of(challenge, "challengeId");
      }
    }
  }

  Expected<void> prepare() {
    if (target_.database) {
      auto connected = postgres::BlockingConnection::connect(*target_.database);
      if (!connected) return tl::unexpected(std::move(connected.error()).in("PostgreSQL at " + target_.database->describe()));
      database_.emplace(std::move(*connected));
    }
    if (target_.base_url.empty()) return {};
    const auto listed = TRY(asker_.http("GET", target_.base_url + "/v1/challenges", {{"x-mock-user-id", prefix_ + "0"}}, std::nullopt));
    const auto parsed = json::parse(listed.text, nullptr, false);
    if (listed.status != 200 || find_in(parsed, "/challenges/*challengeId") != json({"ladder", "rounds", "old"})) {
      return fail(
          ErrorKind::failed_precondition,
          target_.base_url + "/v1/challenges does not list the contract's challenges (status " + std::to_string(listed.status) +
              "); run the service with what `gauntlet contract-test --print-config` prints, and PLUGIN_GRPC_SERVER_AUTH_ENABLED=false");
    }
    return {};
  }

  void forget_players() {
    if (!database_) return;
    for (const char* table : {"user_goal_progress", "reward_claim"}) {
      // The earlier services have no reward_claim.
      (void)database_->run("DELETE FROM " + std::string(table) + " WHERE user_id LIKE '" + prefix_ + "%'");
    }
  }

  ContractResult run(const ContractCase& one) {
    ContractResult result{one.section, one.name, Verdict::passed, {}};
    const auto skipped = [&](const char* why) {
      result.verdict = Verdict::skipped;
      result.reason = why;
      return result;
    };
    if (one.config) {
      if (target_.program.empty()) return skipped("needs --program");
    } else if (target_.base_url.empty()) {
      return skipped("needs --base-url");
    }
    if (!one.rows.empty() && !database_) return skipped("needs --with-database");
    if (!one.ask && !one.config && target_.grpc.empty()) return skipped("needs --grpc");
    if (one.config) {
      result.reason = start_program(one);
    } else {
      if (one.ask) result.reason = over_http(one);
      if (result.reason.empty() && !one.grpc_method.empty() && !target_.grpc.empty()) {
        result.reason = over_grpc(one);
        if (!result.reason.empty() && one.ask) result.reason = "over gRPC: " + result.reason;
      }
    }
    if (!result.reason.empty()) result.verdict = Verdict::failed;
    return result;
  }

 private:
  static std::string id_of(const json& object, const char* name) { return object.contains(name) ? object[name] : object.at("id"); }

  using Words = std::map<std::string, std::string>;

  /// A player of its own with the case's rows and what it does before; what went wrong there.
  std::string begin(const ContractCase& one, Words& words) {
    words["player"] = prefix_ + std::to_string(++players_);
    for (const ContractRow& row : one.rows) {
      postgres::Parameters parameters;
      parameters.add(words["player"]).add(row.goal).add(challenge_of_.count(row.goal) != 0 ? challenge_of_[row.goal] : "gone");
      parameters.add(row.progress).add(row.status).add(row.active).add(row.age).add(row.baseline);
      if (const auto put = database_->execute(kPutRow, parameters); !put) return "cannot write a row: " + put.error().message;
    }
    for (const ContractRequest& request : one.before) {
      const auto answer = ask(request, words);
      if (!answer) return answer.error().message;
      const auto parsed = json::parse(answer->text, nullptr, false);
      if (answer->status != 200)
        return "before: " + request.method + " " + request.path + " answers " + std::to_string(answer->status) + " " + answer->text;
      for (const auto& [name, pointer] : request.remember.items()) {
        if (pointer.get<std::string>().starts_with("header:")) {
          words[name] = answer->headers.count(pointer.get<std::string>().substr(7)) != 0
                            ? answer->headers.at(pointer.get<std::string>().substr(7))
                            : "";
        } else {
          const json found = find_in(parsed, pointer.get<std::string>());
          words[name] = found.is_string() ? found.get<std::string>() : found.dump();
        }
      }
    }
    return {};
  }

  Expected<ContractAnswer> ask(const ContractRequest& request, const Words& words) {
    Headers headers;
    if (request.as_player) headers.emplace_back("x-mock-user-id", words.at("player"));
    for (const auto& [name, value] : request.headers.items()) headers.emplace_back(name, replaced(value.get<std::string>(), words));
    std::optional<std::string> body;
    if (request.body) {
      body = replaced(*request.body, words);
      headers.emplace_back("content-type", "application/json");
    }
    return asker_.http(request.method, target_.base_url + replaced(request.path, words), headers, body);
  }

  std::string over_http(const ContractCase& one) {
    Words words;
    if (auto failed = begin(one, words); !failed.empty()) return failed;
    const auto now = std::chrono::system_clock::now();
    const auto answer = ask(*one.ask, words);
    if (!answer) return answer.error().message;
    if (answer->status != one.status)
      return "status is " + std::to_string(answer->status) + ", not " + std::to_string(one.status) + ": " + answer->text.substr(0, 300);
    for (const auto& [name, expected] : one.expect_headers.items()) {
      const auto found = answer->headers.find(name);
      const json value = found == answer->headers.end() ? json() : json(found->second);
      if (auto wrong = difference(replaced(expected, words), value, now); !wrong.empty()) return "header " + name + " " + wrong;
    }
    const bool has_body = one.ask->method != "HEAD" && one.status != 304;
    if (!has_body) return answer->text.empty() ? "" : "has a body";
    if (!one.expect_headers.contains("content-type") && answer->headers.count("content-type") != 0 &&
        !answer->headers.at("content-type").starts_with("application/json"))
      return "content-type is " + answer->headers.at("content-type");
    const auto parsed = parse_answer(answer->text);
    if (!parsed) return "the answer " + parsed.error().message;
    if (one.error_code) {
      if (find_in(*parsed, "/{}") != json({"code", "details", "message"}) || !(*parsed)["details"].is_array() ||
          !(*parsed)["details"].empty())
        return "an error is {\"code\",\"message\",\"details\":[]}, not " + answer->text;
      if ((*parsed)["code"] != *one.error_code) return "code is " + (*parsed)["code"].dump() + ", not " + std::to_string(*one.error_code);
      const std::string text = replaced(one.error_text, words);
      if ((*parsed)["message"].get<std::string>().find(text) == std::string::npos)
        return "message is \"" + (*parsed)["message"].get<std::string>() + "\" without \"" + text + "\"";
    }
    return compared(one, *parsed, words, now);
  }

  std::string over_grpc(const ContractCase& one) {
    Words words;
    if (auto failed = begin(one, words); !failed.empty()) return failed;
    const auto now = std::chrono::system_clock::now();
    Headers metadata;
    if (!one.ask || one.ask->as_player) metadata.emplace_back("x-mock-user-id", words["player"]);
    const auto answer = asker_.grpc(target_.grpc, one.grpc_method, metadata, replaced(one.grpc_message, words));
    if (!answer) return answer.error().message;
    const int code = one.error_code.value_or(0);
    if (answer->status != code)
      return "code is " + std::to_string(answer->status) + " (" + answer->message + "), not " + std::to_string(code);
    if (code != 0) {
      const std::string text = replaced(one.error_text, words);
      return answer->message.find(text) != std::string::npos ? "" : "message is \"" + answer->message + "\" without \"" + text + "\"";
    }
    const auto parsed = parse_answer(answer->text);
    if (!parsed) return parsed.error().message;
    return compared(one, *parsed, words, now);
  }

  static std::string compared(const ContractCase& one, const json& answer, const Words& words, std::chrono::system_clock::time_point now) {
    for (const auto& [pointer, expected] : one.expect.items()) {
      if (auto wrong = difference(replaced(expected, words), find_in(answer, pointer), now); !wrong.empty()) return pointer + " " + wrong;
    }
    return {};
  }

  /// Starts the program with the case's config; what went wrong.
  std::string start_program(const ContractCase& one) {
    std::string text;
    if (one.config->is_string()) {
      text = one.config->get<std::string>();
    } else {
      try {
        text = config_.patch(*one.config).dump(1);
      } catch (const json::exception& problem) {
        return std::string("the case's patch does not apply: ") + problem.what();
      }
    }
    std::string folder = (fs::temp_directory_path() / "gauntlet-contract-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) return "cannot make a temporary folder";
    const fs::path config = fs::path(folder) / "challenges.json";
    std::ofstream(config) << text;
    const auto [status, said] = run_program(config);
    std::error_code ignored;
    fs::remove_all(folder, ignored);
    if (one.refused.empty()) return status == kConfigRefused ? "refused: " + said : "";
    if (status <= 0) return "the config is not refused";
    for (const std::string& word : one.refused) {
      if (said.find(word) == std::string::npos) return "the refusal does not say \"" + word + "\": " + said;
    }
    return {};
  }

  /// Exit status and output; status -1: it was still running, and has been ended. It is given no database, so that one that
  /// takes its config ends soon.
  std::pair<int, std::string> run_program(const fs::path& config) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return {-1, "no pipe"};
    const pid_t child = fork();
    if (child == 0) {
      for (const auto& [name, value] : {std::pair{"CHALLENGE_CONFIG_PATH", config.c_str()},
                                        {"DB_HOST", "/nowhere"},
                                        {"DB_STARTUP_WAIT", "0"},
                                        {"PLUGIN_GRPC_SERVER_AUTH_ENABLED", "false"},
                                        {"REWARD_CLIENT_MODE", "mock"}})
        setenv(name, value, 1);
      dup2(ends[1], 1);
      dup2(ends[1], 2);
      execl(target_.program.c_str(), target_.program.c_str(), nullptr);
      _exit(127);
    }
    close(ends[1]);
    std::string said;
    const auto give_up = std::chrono::steady_clock::now() + kProgramPatience;
    bool running = child > 0;
    while (running) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(give_up - std::chrono::steady_clock::now()).count();
      pollfd readable{ends[0], POLLIN, 0};
      if (left <= 0 || poll(&readable, 1, static_cast<int>(left)) <= 0) break;
      char buffer[4096];
      const ssize_t size = read(ends[0], buffer, sizeof buffer);
      if (size <= 0) running = false;
      if (size > 0) said.append(buffer, static_cast<std::size_t>(size));
    }
    close(ends[0]);
    if (running) kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    return {!running && WIFEXITED(status) ? WEXITSTATUS(status) : -1, said};
  }

  const ContractTarget& target_;
  std::string prefix_;
  json config_;
  std::map<std::string, std::string> challenge_of_;
  std::optional<postgres::BlockingConnection> database_;
  WireAsker asker_;
  int players_ = 0;
};

}  // namespace

Expected<std::vector<ContractResult>> run_contract(const ContractTarget& target, const std::function<void(const ContractResult&)>& told) {
  const auto cases = TRY(contract_cases());
  ContractRun run(target);
  TRY(run.prepare());
  std::vector<ContractResult> results;
  for (const ContractCase& one : cases) {
    if (one.section.find(target.filter) == std::string::npos && one.name.find(target.filter) == std::string::npos) continue;
    results.push_back(run.run(one));
    told(results.back());
  }
  run.forget_players();
  return results;
}

}  // namespace gauntlet::lab
