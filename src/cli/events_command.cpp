#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/session.hpp"
#include "lab/events/dead_letters.hpp"
#include "lab/target/target.hpp"

namespace gauntlet::cli {
namespace {

struct EventsFlags {
  bool from_environment = false;
  std::int32_t most = 100;
  std::vector<std::int64_t> ids;
  bool all = false;
};

struct Place {
  postgres::ConnectionOptions database;
  std::string handler;
};

base::Expected<Place> place_of(const EventsFlags& flags, const Session& session) {
  if (flags.from_environment) {
    auto database = TRY(postgres::ConnectionOptions::from_environment());
    const char* handler = std::getenv("EVENT_HANDLER_ADDR");
    return Place{std::move(database), handler != nullptr ? handler : "localhost:6566"};
  }
  auto stack = TRY(session.open_stack());
  auto target = TRY(lab::target_of_stack(stack));
  if (!target.database) return base::fail(base::ErrorKind::unavailable, "the database is not up: gauntlet up (or make dev-up) starts it");
  return Place{*target.database, target.variable("EVENT_HANDLER_ADDR")};
}

/// What list, retry and drop begin with.
base::Expected<std::pair<lab::DeadLetters, Place>> open(const EventsFlags& flags, const Session& session) {
  auto place = TRY(place_of(flags, session));
  auto letters = TRY(lab::DeadLetters::open(place.database));
  return std::pair(std::move(letters), std::move(place));
}

/// Ids or --all: an empty list must not mean all of them by accident.
void declare_ids(CLI::App& command, EventsFlags& flags, const char* what) {
  auto* which = command.add_option_group("which");
  which->add_option("id", flags.ids, std::string("Ids of the events to ") + what);
  which->add_flag("--all", flags.all, "All of them");
  which->require_option(1);
}

}  // namespace

void add_events_command(CLI::App& app, Session& session) {
  auto* events =
      app.add_subcommand("events", "Look after what challenge-event-handler could not store")->group(kStackGroup)->require_subcommand(1);
  auto* letters = events->add_subcommand("dead-letter", "Events that PostgreSQL refused, kept with the reason")->require_subcommand(1);
  auto flags = std::make_shared<EventsFlags>();
  letters->add_flag("--env", flags->from_environment, "Use DB_* and EVENT_HANDLER_ADDR of the environment, not the checkout's stack");

  auto* list = letters->add_subcommand("list", "Print them, the oldest first");
  list->add_option("-n,--most", flags->most, "How many at most")->capture_default_str()->check(CLI::PositiveNumber);
  list->callback([flags, &session] {
    auto opened = open(*flags, session);
    if (!opened) return session.fail(opened.error());
    const auto found = opened->first.list(flags->most);
    if (!found) return session.fail(found.error());
    if (found->empty()) return Session::tell("no dead letters");
    fmt::print("{:>8}  {:<9}  {:<36}  {:<32}  {:>8}  {:<20}  {}\n", "id", "kind", "event", "user", "failures", "last failed", "reason");
    for (const lab::DeadLetter& letter : *found)
      fmt::print("{:>8}  {:<9}  {:<36}  {:<32}  {:>8}  {:<20}  {}\n", letter.id, letter.kind, letter.event_id, letter.user_id,
                 letter.failures, letter.last_failed_at, letter.reason);
  });

  auto* retry = letters->add_subcommand("retry", "Deliver them to the handler once more; those that are committed leave the list");
  declare_ids(*retry, *flags, "deliver");
  retry->callback([flags, &session] {
    auto opened = open(*flags, session);
    if (!opened) return session.fail(opened.error());
    const auto refused = opened->first.retry(flags->ids, opened->second.handler, Session::tell);
    if (!refused) return session.fail(refused.error());
    if (*refused > 0) session.exit_code = kFailed;
  });

  auto* drop = letters->add_subcommand("drop", "Delete them; their events are then lost for good");
  declare_ids(*drop, *flags, "delete");
  drop->callback([flags, &session] {
    auto opened = open(*flags, session);
    if (!opened) return session.fail(opened.error());
    const auto dropped = opened->first.drop(flags->ids);
    if (!dropped) return session.fail(dropped.error());
    Session::tell(fmt::format("{} dropped", *dropped));
  });
}

}  // namespace gauntlet::cli
