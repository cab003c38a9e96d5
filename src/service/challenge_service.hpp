#pragma once
// The use cases: what a player may ask, decided by the domain's rules over the stored rows. REST and gRPC call these
// and translate; nothing here knows of either. One instance a thread.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/task.hpp"
#include "challenge/progress.hpp"
#include "challenge/selection.hpp"
#include "service/catalog.hpp"
#include "service/progress_store.hpp"
#include "service/reward_claims.hpp"

namespace gauntlet::service {

/// A player's rows and what they are to be read with.
struct PlayerChallenges {
  CatalogPtr catalog;
  std::vector<challenge::PlayerRow> rows;  // sorted by goal
  challenge::Instant now;
};

struct Assignment {
  CatalogPtr catalog;
  std::vector<challenge::PlayerRow> active;  // sorted by goal, rotations applied
  int new_assignments = 0;
  challenge::Instant now;
};

struct Activation {
  std::string challenge_id;
  std::string goal_id;
  bool active = false;
  std::optional<challenge::Instant> assigned_at;
};

struct GoalSelection {
  CatalogPtr catalog;
  const challenge::Challenge* challenge = nullptr;  // of the catalog
  std::vector<challenge::PlayerRow> selected;       // in the order asked for
  std::vector<std::string> replaced;
  int total_active = 0;
  challenge::Instant now;
};

struct RotationStatus {
  std::string challenge_id;
  std::optional<challenge::Schedule> schedule;  // nothing: the challenge does not rotate
  challenge::Period current;
  challenge::Period next;
  challenge::Instant now;
};

/// Belongs to its thread; what it is given outlives it.
class ChallengeService {
 public:
  using Clock = std::function<challenge::Instant()>;
  using CurrentCatalog = std::function<CatalogPtr()>;

  ChallengeService(base::EventLoop& loop, ProgressStore& progress, RewardClaims& claims, CurrentCatalog current_catalog, Clock clock,
                   challenge::UniformBelow uniform_below);

  // `wanted`: see progress_store.hpp. A claim that is asked for is made.
  base::Task<base::Expected<PlayerChallenges>> list(std::string user_id, Wanted wanted = {});
  base::Task<base::Expected<Assignment>> initialize(std::string user_id, Wanted wanted = {});
  base::Task<base::Expected<Activation>> set_active(std::string user_id, std::string challenge_id, std::string goal_id, bool active,
                                                    Wanted wanted = {});
  base::Task<base::Expected<ClaimReceipt>> claim(std::string user_id, std::string challenge_id, std::string goal_id);
  base::Task<base::Expected<GoalSelection>> batch_select(std::string user_id, std::string challenge_id, std::vector<std::string> goal_ids,
                                                         bool replace_existing, Wanted wanted = {});
  base::Task<base::Expected<GoalSelection>> random_select(std::string user_id, std::string challenge_id, challenge::RandomSelection request,
                                                          Wanted wanted = {});
  /// The same for all players; no database.
  base::Expected<RotationStatus> rotation_status(std::string_view challenge_id) const;
  /// Fails with unavailable when PostgreSQL does not answer within 2 s.
  base::Task<base::Expected<void>> health();

 private:
  base::Task<base::Expected<GoalSelection>> select(std::string user_id, CatalogPtr catalog, const challenge::Challenge& challenge,
                                                   std::vector<challenge::GoalIndex> goals, bool replace_existing, challenge::Instant now,
                                                   Wanted wanted);

  base::EventLoop& loop_;
  ProgressStore& progress_;
  RewardClaims& claims_;
  CurrentCatalog current_catalog_;
  Clock clock_;
  challenge::UniformBelow uniform_below_;
};

/// Draws from the kernel's cryptographic source.
std::uint64_t secure_uniform_below(std::uint64_t bound);

}  // namespace gauntlet::service
