#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/json_document.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/session.hpp"
#include "lab/atomic_file.hpp"
#include "lab/contract/contract_run.hpp"

namespace gauntlet::cli {
namespace {

using lab::ContractResult;
using Verdict = ContractResult::Verdict;

struct ContractFlags {
  lab::ContractTarget target;
  bool with_database = false, print_config = false, list = false;
  std::string json_file;
};

const char* word(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed: return "passed";
    case Verdict::failed: return "FAILED";
    case Verdict::skipped: break;
  }
  return "skipped";
}

base::Expected<void> list_cases() {
  const auto cases = TRY(lab::contract_cases());
  for (const auto& one : cases) fmt::print("{:<5} {}\n", one.section, one.name);
  fmt::print("{} cases\n", cases.size());
  return {};
}

/// Answers how many failed.
base::Expected<int> run(ContractFlags& flags) {
  if (flags.with_database) {
    auto options = TRY(postgres::ConnectionOptions::from_environment());
    flags.target.database = std::move(options);
  }
  while (flags.target.base_url.ends_with('/')) flags.target.base_url.pop_back();
  std::map<Verdict, int> counts;
  const auto results = lab::run_contract(flags.target, [&](const ContractResult& result) {
    ++counts[result.verdict];
    if (result.verdict == Verdict::passed) return;
    Session::tell(fmt::format("{} {} {}: {}", word(result.verdict), result.section, result.name, result.reason));
  });
  if (!results) return tl::unexpected(results.error());
  Session::tell(
      fmt::format("{} passed, {} failed, {} skipped", counts[Verdict::passed], counts[Verdict::failed], counts[Verdict::skipped]));
  if (!flags.json_file.empty()) {
    nlohmann::json report = nlohmann::json::array();
    for (const ContractResult& result : *results)
      report.push_back({{"section", result.section}, {"case", result.name}, {"verdict", word(result.verdict)}, {"reason", result.reason}});
    if (auto written = lab::write_file_atomically(flags.json_file, base::json_text(report, 1) + "\n"); !written)
      return tl::unexpected(written.error());
  }
  return counts[Verdict::failed];
}

}  // namespace

void add_contract_test_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("contract-test", "Ask a running challenge backend every line of its contract")->group(kServicesGroup);
  auto flags = std::make_shared<ContractFlags>();
  command->add_option("--base-url", flags->target.base_url, "Its REST address with the base path: http://host:8000/challenge");
  command->add_option("--grpc", flags->target.grpc, "Its gRPC address: host:6565; without it nothing is asked over gRPC");
  command->add_flag("--with-database", flags->with_database,
                    "Write players' rows into its database (DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD) for the cases that need "
                    "progress; they are deleted in the end");
  command
      ->add_option("--program", flags->target.program,
                   "challenge-service to start with wrong challenge configs, for the cases of the contract's section 3")
      ->check(CLI::ExistingFile);
  command->add_option("--only", flags->target.filter, "Only cases whose section or name has this text");
  command->add_option("--json", flags->json_file, "Write every case's verdict to this file too");
  command->add_flag("--print-config", flags->print_config, "Print the challenge config that the service must run with, and end");
  command->add_flag("--list", flags->list, "List the cases, and end");
  command->footer(
      "The service runs with that config, PLUGIN_GRPC_SERVER_AUTH_ENABLED=false and REWARD_CLIENT_MODE=mock.\n"
      "Exit code 0: no case failed; 1: some did.");
  command->callback([flags, &session] {
    if (flags->print_config) {
      const auto config = lab::contract_config();
      fmt::print("{}", config);
      return;
    }
    if (flags->list) {
      if (auto listed = list_cases(); !listed) session.fail(listed.error());
      return;
    }
    if (flags->target.base_url.empty() && flags->target.program.empty()) {
      session.fail({base::ErrorKind::invalid_argument, "contract-test: nothing to ask; give --base-url, --program or both"});
      session.exit_code = kWrongUsage;
      return;
    }
    const auto failed = run(*flags);
    if (!failed) return session.fail(failed.error());
    session.exit_code = *failed == 0 ? kDone : kFailed;
  });
}

}  // namespace gauntlet::cli
