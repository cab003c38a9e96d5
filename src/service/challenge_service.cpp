#include "service/challenge_service.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cstdlib>

#include "challenge/claim.hpp"

namespace gauntlet::service {
namespace {

using base::ErrorKind;
using base::Expected;
using base::fail;
using base::Task;
using challenge::Challenge;
using challenge::Config;
using challenge::Goal;
using challenge::GoalIndex;
using challenge::Instant;
using challenge::PlayerRow;

constexpr std::chrono::milliseconds kHealthPatience{2000};

std::vector<PlayerRow> only_active(std::vector<PlayerRow> rows) {
  rows.erase(std::remove_if(rows.begin(), rows.end(), [](const PlayerRow& row) { return !row.row.is_active; }), rows.end());
  return rows;
}

}  // namespace

ChallengeService::ChallengeService(base::EventLoop& loop, ProgressStore& progress, RewardClaims& claims, CurrentCatalog current_catalog,
                                   Clock clock, challenge::UniformBelow uniform_below)
    : loop_(loop),
      progress_(progress),
      claims_(claims),
      current_catalog_(std::move(current_catalog)),
      clock_(std::move(clock)),
      uniform_below_(std::move(uniform_below)) {}

Task<Expected<PlayerChallenges>> ChallengeService::list(std::string user_id, Wanted wanted) {
  CatalogPtr catalog = current_catalog_();
  auto stored = co_await progress_.rows_of(user_id, catalog->config, std::move(wanted));
  if (!stored) co_return tl::unexpected(stored.error());
  co_return PlayerChallenges{std::move(catalog), std::move(stored->rows), clock_()};
}

Task<Expected<Assignment>> ChallengeService::initialize(std::string user_id, Wanted wanted) {
  CatalogPtr catalog = current_catalog_();
  const Config& config = catalog->config;
  const Instant now = clock_();
  if (config.default_goals().empty()) co_return Assignment{std::move(catalog), {}, 0, now};
  auto stored = co_await progress_.rows_of(user_id, config, wanted);
  if (!stored) co_return tl::unexpected(stored.error());
  int created = 0;
  if (!stored->any) {
    const auto assigned = co_await progress_.assign(user_id, config, config.default_goals(), now, wanted);
    if (!assigned) co_return tl::unexpected(assigned.error());
    created = *assigned;
    if (created == static_cast<int>(config.default_goals().size())) {
      std::vector<PlayerRow> rows;
      for (const GoalIndex goal : config.default_goals()) rows.push_back({goal, new_row(config.goal(goal), true, now)});
      co_return Assignment{std::move(catalog), std::move(rows), created, now};
    }
    stored = co_await progress_.rows_of(user_id, config, wanted);  // another first call was as early as this one
    if (!stored) co_return tl::unexpected(stored.error());
  }
  std::vector<GoalIndex> due;
  for (PlayerRow& player_row : stored->rows) {
    const Goal& goal = config.goal(player_row.goal);
    if (!is_reset_due(goal, player_row.row, now)) continue;
    due.push_back(player_row.goal);
    player_row.row = current(goal, player_row.row, now);
  }
  if (!due.empty()) {
    const auto reset = co_await progress_.reset_rotated(user_id, config, std::move(due), now);
    if (!reset) co_return tl::unexpected(reset.error());
  }
  co_return Assignment{std::move(catalog), only_active(std::move(stored->rows)), created, now};
}

Task<Expected<Activation>> ChallengeService::set_active(std::string user_id, std::string challenge_id, std::string goal_id, bool active,
                                                        Wanted wanted) {
  const CatalogPtr catalog = current_catalog_();
  const Goal* goal = catalog->config.find_goal(challenge_id, goal_id);
  if (goal == nullptr) co_return fail(ErrorKind::not_found, "goal '" + goal_id + "' not found in challenge '" + challenge_id + "'");
  const auto assigned_at = co_await progress_.set_active(user_id, catalog->config, *goal, active, clock_(), std::move(wanted));
  if (!assigned_at) co_return tl::unexpected(assigned_at.error());
  co_return Activation{std::move(challenge_id), std::move(goal_id), active, *assigned_at};
}

Task<Expected<ClaimReceipt>> ChallengeService::claim(std::string user_id, std::string challenge_id, std::string goal_id) {
  CatalogPtr catalog = current_catalog_();
  const auto goal = challenge::find_claimed_goal(catalog->config, challenge_id, goal_id);
  if (!goal) co_return tl::unexpected(goal.error());
  co_return co_await claims_.claim(std::move(user_id), std::move(catalog), **goal, clock_());
}

Task<Expected<GoalSelection>> ChallengeService::batch_select(std::string user_id, std::string challenge_id,
                                                             std::vector<std::string> goal_ids, bool replace_existing, Wanted wanted) {
  CatalogPtr catalog = current_catalog_();
  auto goals = challenge::batch_selection(catalog->config, challenge_id, goal_ids);
  if (!goals) co_return tl::unexpected(goals.error());
  const Challenge& challenge = *catalog->config.find_challenge(challenge_id);
  co_return co_await select(std::move(user_id), std::move(catalog), challenge, std::move(*goals), replace_existing, clock_(),
                            std::move(wanted));
}

Task<Expected<GoalSelection>> ChallengeService::random_select(std::string user_id, std::string challenge_id,
                                                              challenge::RandomSelection request, Wanted wanted) {
  CatalogPtr catalog = current_catalog_();
  const auto challenge = challenge::check_random_selection(catalog->config, challenge_id, request);
  if (!challenge) co_return tl::unexpected(challenge.error());
  const auto stored = co_await progress_.rows_of(user_id, catalog->config, wanted);
  if (!stored) co_return tl::unexpected(stored.error());
  const Instant now = clock_();
  auto goals = challenge::random_selection(catalog->config, **challenge, stored->rows, request, now, uniform_below_);
  if (!goals) co_return tl::unexpected(goals.error());
  co_return co_await select(std::move(user_id), std::move(catalog), **challenge, std::move(*goals), request.replace_existing, now,
                            std::move(wanted));
}

Task<Expected<GoalSelection>> ChallengeService::select(std::string user_id, CatalogPtr catalog, const Challenge& challenge,
                                                       std::vector<GoalIndex> goals, bool replace_existing, Instant now, Wanted wanted) {
  auto written = co_await progress_.select_goals(user_id, catalog->config, challenge, goals, replace_existing, now, std::move(wanted));
  if (!written) co_return tl::unexpected(written.error());
  GoalSelection selection{std::move(catalog), &challenge, {}, std::move(written->replaced), 0, now};
  for (const GoalIndex goal : goals) {
    if (const challenge::Row* row = challenge::find_row(written->rows, goal)) selection.selected.push_back({goal, *row});
  }
  for (const PlayerRow& player_row : written->rows) {
    const bool of_challenge = selection.catalog->config.goal(player_row.goal).challenge == challenge.index;
    if (of_challenge && player_row.row.is_active) ++selection.total_active;
  }
  co_return selection;
}

Expected<RotationStatus> ChallengeService::rotation_status(std::string_view challenge_id) const {
  const CatalogPtr catalog = current_catalog_();
  const Challenge* challenge = catalog->config.find_challenge(challenge_id);
  if (challenge == nullptr) return fail(ErrorKind::not_found, "challenge not found: " + std::string(challenge_id));
  RotationStatus status;
  status.challenge_id = challenge->id;
  status.now = clock_();
  for (const Goal& goal : catalog->config.goals_of(*challenge)) {
    if (!goal.rotation) continue;
    status.schedule = goal.rotation->schedule;
    status.current = challenge::period_of(*status.schedule, status.now);
    status.next = challenge::period_of(*status.schedule, status.current.end);
    break;
  }
  return status;
}

Task<Expected<void>> ChallengeService::health() {
  const auto answered = co_await progress_.ping(loop_, kHealthPatience);
  if (!answered) co_return fail(ErrorKind::unavailable, "PostgreSQL does not answer");
  co_return Expected<void>();
}

std::uint64_t secure_uniform_below(std::uint64_t bound) {
  // Values from the last, incomplete multiple of `bound` on are drawn again, so that none is likelier than others.
  const std::uint64_t incomplete = -bound % bound;  // 2^64 mod bound
  for (;;) {
    std::uint64_t drawn = 0;
    if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn) std::abort();
    if (drawn >= incomplete) return drawn % bound;
  }
}

}  // namespace gauntlet::service
