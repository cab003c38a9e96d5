#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/json_document.hpp"
#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "service/claim_review.hpp"

namespace gauntlet::cli {
namespace {

using service::ReviewedClaim;

/// The database of DB_HOST and so on where one of them is set, else the stack's.
base::Expected<postgres::ConnectionOptions> find_database(const Session& session) {
  for (const char* name : {"DB_HOST", "DB_PORT", "DB_NAME", "DB_USER"}) {
    if (std::getenv(name) != nullptr) return postgres::ConnectionOptions::from_environment();
  }
  auto stack = TRY(session.open_stack());
  auto plan = TRY(stack.plan());
  postgres::ConnectionOptions options;
  options.host = plan.database.socket_folder.string();
  options.port = plan.database.port;
  options.user = plan.database.user;
  options.database = plan.database.name;
  return options;
}

base::Expected<postgres::BlockingConnection> connect(const Session& session) {
  const auto options = TRY(find_database(session));
  auto connection = postgres::BlockingConnection::connect(options);
  if (!connection) {
    return tl::unexpected(std::move(connection.error())
                              .in("PostgreSQL at " + options.describe() + " (DB_HOST, DB_PORT, DB_NAME and DB_USER choose another)"));
  }
  return connection;
}

void print(const std::vector<ReviewedClaim>& claims, bool as_json) {
  if (as_json) {
    nlohmann::json listed = nlohmann::json::array();
    for (const ReviewedClaim& claim : claims) {
      listed.push_back({{"key", claim.key},
                        {"userId", claim.user_id},
                        {"challengeId", claim.challenge_id},
                        {"goalId", claim.goal_id},
                        {"reward", claim.reward},
                        {"state", claim.state},
                        {"openedAt", claim.opened_at},
                        {"attempts", claim.attempts},
                        {"reason", claim.reason}});
    }
    fmt::print("{}\n", base::json_text(listed, 2));
    return;
  }
  if (claims.empty()) return Session::tell("no claims");
  constexpr const char* kLine = "{:<36}  {:<12}  {:<20}  {:>8}  {:<24}  {:<24}  {:<20}  {}\n";
  fmt::print(fmt::runtime(kLine), "KEY", "STATE", "OPENED", "ATTEMPTS", "PLAYER", "GOAL", "REWARD", "REASON");
  for (const ReviewedClaim& claim : claims) {
    fmt::print(fmt::runtime(kLine), claim.key, claim.state, claim.opened_at, claim.attempts, claim.user_id,
               claim.challenge_id + "/" + claim.goal_id, claim.reward, claim.reason);
  }
}

void add_list(CLI::App& claims, Session& session) {
  auto* command = claims.add_subcommand("list", "Claims that wait for a decision, oldest first");
  struct Flags {
    service::ClaimFilter filter;
    std::string user;
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("--state", flags->filter.states, "Which: granting, uncertain, granted, refused, needs_review")
      ->check(CLI::IsMember({"granting", "uncertain", "granted", "refused", "needs_review"}))
      ->capture_default_str();
  command->add_option("--user", flags->user, "Of this player only");
  command->add_option("--limit", flags->filter.limit, "At most so many")->check(CLI::Range(1, 1'000'000))->capture_default_str();
  command->add_flag("--json", flags->json, "As JSON");
  command->callback([flags, &session] {
    if (!flags->user.empty()) flags->filter.user_id = flags->user;
    auto connection = connect(session);
    if (!connection) return session.fail(connection.error());
    const auto listed = service::ClaimReview(*connection).list(flags->filter);
    if (!listed) return session.fail(listed.error());
    print(*listed, flags->json);
  });
}

void add_resolve(CLI::App& claims, Session& session) {
  auto* command = claims.add_subcommand("resolve", "Decide a claim, once you know from the platform whether the player has the reward");
  struct Flags {
    std::string key, decision, note;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("key", flags->key, "The claim's key, as `claims list` shows it")->required();
  command
      ->add_option("decision", flags->decision,
                   "granted: the player has it, the goal becomes claimed; not-granted: the player may claim again; retry: ask the platform "
                   "again with the same key")
      ->required()
      ->check(CLI::IsMember({"granted", "not-granted", "retry"}));
  command->add_option("--note", flags->note, "Why; kept in the claim's record");
  command->callback([flags, &session] {
    auto connection = connect(session);
    if (!connection) return session.fail(connection.error());
    const auto decision = flags->decision == "granted"       ? service::Decision::granted
                          : flags->decision == "not-granted" ? service::Decision::not_granted
                                                             : service::Decision::retry;
    const auto resolved = service::ClaimReview(*connection).resolve(flags->key, decision, flags->note);
    if (!resolved) return session.fail(resolved.error());
    fmt::print("{} of {} is {}\n", resolved->challenge_id + "/" + resolved->goal_id, resolved->user_id, resolved->state);
  });
}

}  // namespace

void add_claims_command(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("claims", "Claims of rewards whose outcome a person must decide: list, resolve")->group(kServicesGroup);
  command->require_subcommand(1);
  command->footer(
      "The database is the one that DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD name; without them, the stack's.\nWhat exit codes "
      "mean: `gauntlet --help`.");
  add_list(*command, session);
  add_resolve(*command, session);
}

}  // namespace gauntlet::cli
