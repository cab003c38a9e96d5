#include "challenge/config_parser.hpp"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/json_document.hpp"
#include "base/text.hpp"
#include "base/utf8.hpp"

namespace gauntlet::challenge {
namespace {

using Json = nlohmann::json;
using Names = std::initializer_list<const char*>;  // the spellings of one key, the newest first

constexpr std::size_t kIdLengthMax = 100;  // user_goal_progress keeps ids in varchar(100)

/// The value as a message shows it.
std::string shown(const Json& value) {
  constexpr std::size_t kShownMax = 80;
  std::string text = base::json_text(value);
  if (text.size() > kShownMax) text.replace(kShownMax, std::string::npos, "...");
  return text;
}

std::string shown_text(std::string_view text) { return shown(Json(text)); }

/// `challenges[2]`
std::string element(std::string_view path, std::size_t index) { return std::string(path) + "[" + std::to_string(index) + "]"; }

using Problems = std::vector<ConfigProblem>;

/// One JSON object of the file, read key by key. What does not fit is added to the problems; the value returned then is
/// only there to go on with.
class Object {
 public:
  /// `problems` null: nobody listens. What is missing in an object that is itself missing would only repeat that.
  Object(const Json& json, std::string path, Problems* problems) : json_(json), path_(std::move(path)), problems_(problems) {}

  std::string at(std::string_view key) const { return path_.empty() ? std::string(key) : path_ + "." + std::string(key); }
  void problem(std::string_view key, std::string message) const {
    if (problems_ != nullptr) problems_->push_back({at(key), std::move(message)});
  }

  /// The value under any of the spellings, null when absent, and the spelling that was used.
  std::pair<const Json*, const char*> find(Names names) const {
    std::pair<const Json*, const char*> found{nullptr, *names.begin()};
    for (const char* name : names) {
      const auto member = json_.find(name);
      if (member == json_.end() || member->is_null()) continue;
      if (found.first == nullptr) {
        found = {&*member, name};
      } else if (*found.first != *member) {
        problem(name, "is " + shown(*member) + " but " + found.second + " says " + shown(*found.first));
      }
    }
    return found;
  }

  std::string text(Names names, bool required = true) const {
    const auto [value, name] = find(names);
    if (value == nullptr) {
      if (required) problem(name, "is missing");
      return {};
    }
    if (!value->is_string()) {
      problem(name, "must be a text, is " + shown(*value));
      return {};
    }
    auto text = value->get<std::string>();
    if (required && text.empty()) problem(name, "must not be empty, is \"\"");
    if (!base::is_text(text)) problem(name, "must be without the character NUL, is " + shown_text(text));
    return text;
  }

  /// A text that ends up in a varchar(100) column.
  std::string id(Names names) const {
    std::string id = text(names);
    if (base::count_characters(id) > kIdLengthMax) {
      problem(find(names).second,
              "must have at most 100 characters, is " + shown_text(id) + " with " + std::to_string(base::count_characters(id)));
    }
    return id;
  }

  bool flag(Names names) const {
    const auto [value, name] = find(names);
    if (value == nullptr) return false;
    if (!value->is_boolean()) {
      problem(name, "must be true or false, is " + shown(*value));
      return false;
    }
    return value->get<bool>();
  }

  std::int32_t positive(Names names) const {
    const auto [value, name] = find(names);
    if (value == nullptr) {
      problem(name, "is missing");
      return 1;
    }
    // Beyond int64 nlohmann gives unsigned or floating-point numbers.
    const bool fits = value->is_number_integer() &&
                      !(value->is_number_unsigned() && value->get<std::uint64_t>() > std::numeric_limits<std::int32_t>::max()) &&
                      value->get<std::int64_t>() > 0;
    if (!fits) {
      problem(name, "must be a whole number from 1 to 2147483647, is " + shown(*value));
      return 1;
    }
    return value->get<std::int32_t>();
  }

  /// One of the texts in `allowed`; its position, or 0 when it is none of them.
  std::size_t choice(Names names, std::initializer_list<std::string_view> allowed, bool required = true) const {
    const auto [value, name] = find(names);
    if (value == nullptr) {
      if (required) problem(name, "is missing");
      return 0;
    }
    if (value->is_string()) {
      const auto found = std::find(allowed.begin(), allowed.end(), value->get_ref<const std::string&>());
      if (found != allowed.end()) return static_cast<std::size_t>(found - allowed.begin());
    }
    std::string list;
    for (const std::string_view word : allowed) list.append(list.empty() ? "" : ", ").append(word);
    problem(name, std::string(allowed.size() == 1 ? "must be " : "must be one of ") + list + ", is " + shown(*value));
    return 0;
  }

  /// The object under `name`; an empty one with a problem when it is absent or something else.
  Object child(Names names) const {
    static const Json kEmpty = Json::object();
    const auto [value, name] = find(names);
    if (value != nullptr && value->is_object()) return Object(*value, at(name), problems_);
    problem(name, value == nullptr ? "is missing" : "must be an object, is " + shown(*value));
    return Object(kEmpty, at(name), nullptr);
  }

  /// The list under `name`; an empty one when it is absent or something else. `of_what`: at least one there must be.
  const Json& list(Names names, const char* of_what = nullptr) const {
    static const Json kEmpty = Json::array();
    const auto [value, name] = find(names);
    if (value == nullptr) {
      if (of_what != nullptr) problem(name, "is missing");
      return kEmpty;
    }
    if (!value->is_array()) {
      problem(name, "must be a list, is " + shown(*value));
      return kEmpty;
    }
    if (of_what != nullptr && value->empty()) problem(name, std::string("must name at least one ") + of_what + ", is []");
    return *value;
  }

 private:
  const Json& json_;
  std::string path_;
  Problems* problems_;
};

/// Where a prerequisite was named, to be resolved once all goals are known.
struct NamedPrerequisite {
  GoalIndex goal;
  std::string id;
  std::string path;
};

class Parser {
 public:
  tl::expected<Config, Problems> parse(const Json& root) {
    if (!root.is_object()) {
      problems_.push_back({"(the file)", "must be an object with a list \"challenges\", is " + shown(root)});
      return tl::unexpected(std::move(problems_));
    }
    const Json& list = Object(root, "", &problems_).list({"challenges"}, "challenge");
    for (std::size_t i = 0; i < list.size(); ++i) challenge(list[i], element("challenges", i));
    resolve_prerequisites();
    if (problems_.empty()) find_cycles();
    if (!problems_.empty()) return tl::unexpected(std::move(problems_));
    return Config(std::move(challenges_), std::move(goals_));
  }

 private:
  bool is_object(const Json& json, const std::string& path) {
    if (json.is_object()) return true;
    problems_.push_back({path, "must be an object, is " + shown(json)});
    return false;
  }

  /// False, with a problem, when `id` was seen before in this file.
  void unique(std::unordered_map<std::string, std::string>& seen, const std::string& id, const std::string& path, const std::string& what) {
    if (id.empty()) return;  // already a problem of its own
    const auto [first, is_new] = seen.emplace(id, path);
    if (!is_new) problems_.push_back({path, "repeats the id " + shown_text(id) + " of " + what + " " + first->second});
  }

  void challenge(const Json& json, const std::string& path) {
    if (!is_object(json, path)) return;
    const Object object(json, path, &problems_);
    Challenge challenge;
    challenge.index = static_cast<ChallengeIndex>(challenges_.size());
    challenge.id = object.id({"challengeId", "id"});
    challenge.name = object.text({"name"});
    challenge.description = object.text({"description"}, false);
    challenge.first_goal = static_cast<GoalIndex>(goals_.size());
    unique(challenge_paths_, challenge.id, path, "challenge");
    const Json& list = object.list({"goals"}, "goal");
    for (std::size_t i = 0; i < list.size(); ++i) goal(list[i], element(path + ".goals", i), challenge.index);
    challenge.goal_count = static_cast<std::uint32_t>(goals_.size()) - challenge.first_goal;
    challenges_.push_back(std::move(challenge));
  }

  void goal(const Json& json, const std::string& path, ChallengeIndex challenge) {
    if (!is_object(json, path)) return;
    const Object object(json, path, &problems_);
    Goal goal;
    goal.index = static_cast<GoalIndex>(goals_.size());
    goal.challenge = challenge;
    goal.id = object.id({"goalId", "id"});
    unique(goal_paths_, goal.id, path, "goal");
    goal.name = object.text({"name"});
    goal.description = object.text({"description"}, false);
    goal.source = object.choice({"eventSource", "event_source"}, {"statistic", "login"}) == 0 ? EventSource::statistic : EventSource::login;
    goal.default_assigned = object.flag({"defaultAssigned", "default_assigned"});
    const Object requirement = object.child({"requirement"});
    const std::size_t problems_before = problems_.size();
    goal.rule = rule(object, requirement);
    const bool rule_is_sound = problems_.size() == problems_before;
    goal.requirement.stat_code = requirement.text({"statCode", "stat_code"});
    requirement.choice({"operator"}, {">="});
    goal.requirement.target_value = requirement.positive({"targetValue", "target_value"});
    const Object reward = object.child({"reward"});
    goal.reward.type = reward.choice({"type"}, {"ITEM", "WALLET"}) == 0 ? RewardType::item : RewardType::wallet;
    goal.reward.id = reward.text({"rewardId", "reward_id"});
    if (goal.reward.id == "." || goal.reward.id == "..")  // in the platform's addresses that means another place
      reward.problem("rewardId", "must not be \"" + goal.reward.id + "\"");
    goal.reward.quantity = reward.positive({"quantity"});
    goal.rotation = rotation(object);
    if (goal.rotation && goal.rule == ProgressRule::absolute && rule_is_sound) {
      object.problem("rotation",
                     "needs a goal that can start over: \"progressMode\": \"relative\" in its requirement, or type increment; "
                     "the goal is absolute, so its progress is the statistic's own value");
    }
    const Json& prerequisites = object.list({"prerequisites"});
    for (std::size_t i = 0; i < prerequisites.size(); ++i) {
      const std::string place = element(object.at("prerequisites"), i);
      if (prerequisites[i].is_string()) {
        prerequisites_.push_back({goal.index, prerequisites[i].get<std::string>(), place});
      } else {
        problems_.push_back({place, "must be a goal's id, is " + shown(prerequisites[i])});
      }
    }
    goals_.push_back(std::move(goal));
  }

  static ProgressRule rule(const Object& goal, const Object& requirement) {
    const std::size_t type = goal.choice({"type"}, {"absolute", "increment", "daily"}, false);
    const bool daily = goal.flag({"daily"});
    if (daily && type != 1) {
      const auto [value, name] = goal.find({"type"});
      goal.problem("daily", "needs type increment, type is " + (value == nullptr ? std::string("not given") : shown(*value)));
    }
    if (requirement.find({"progressMode", "progress_mode"}).first != nullptr) {
      const std::size_t mode = requirement.choice({"progressMode", "progress_mode"}, {"absolute", "relative"});
      return mode == 0 ? ProgressRule::absolute : ProgressRule::relative;
    }
    switch (type) {
      case 1: return daily ? ProgressRule::increment_daily : ProgressRule::increment;
      case 2: return ProgressRule::daily;
      default: return ProgressRule::absolute;
    }
  }

  static std::optional<Rotation> rotation(const Object& goal) {
    if (goal.find({"rotation"}).first == nullptr) return std::nullopt;
    const Object object = goal.child({"rotation"});
    if (!object.flag({"enabled"})) return std::nullopt;
    constexpr Schedule kSchedules[] = {Schedule::daily, Schedule::weekly, Schedule::monthly};
    Rotation rotation;
    object.choice({"type"}, {"global"});
    rotation.schedule = kSchedules[object.choice({"schedule"}, {"daily", "weekly", "monthly"})];
    if (object.find({"onExpiry", "on_expiry"}).first != nullptr) {
      const Object on_expiry = object.child({"onExpiry", "on_expiry"});
      rotation.reset_progress = on_expiry.flag({"resetProgress", "reset_progress"});
      rotation.allow_reselection = on_expiry.flag({"allowReselection", "allow_reselection"});
    }
    return rotation;
  }

  void resolve_prerequisites() {
    std::unordered_map<std::string_view, GoalIndex> by_id;
    for (const Goal& goal : goals_) by_id.emplace(goal.id, goal.index);
    for (const NamedPrerequisite& named : prerequisites_) {
      const auto found = by_id.find(named.id);
      if (found == by_id.end()) {
        problems_.push_back({named.path, "must be the id of a goal in this file, is " + shown_text(named.id)});
        continue;
      }
      std::vector<GoalIndex>& prerequisites = goals_[named.goal].prerequisites;
      if (std::find(prerequisites.begin(), prerequisites.end(), found->second) == prerequisites.end()) {
        prerequisites.push_back(found->second);
      }
    }
  }

  /// Reports each cycle once, at the goal where the walk entered it. Iterative: a chain may be as long as the file.
  void find_cycles() {
    enum class Mark : std::uint8_t { unseen, on_path, done };
    struct Step {
      GoalIndex goal;
      std::size_t next;  // which of its prerequisites to follow next
    };
    std::vector<Mark> marks(goals_.size(), Mark::unseen);
    std::vector<Step> path;
    for (const Goal& start : goals_) {
      if (marks[start.index] != Mark::unseen) continue;
      path.assign(1, {start.index, 0});
      marks[start.index] = Mark::on_path;
      while (!path.empty()) {
        Step& step = path.back();
        if (step.next == goals_[step.goal].prerequisites.size()) {
          marks[step.goal] = Mark::done;
          path.pop_back();
          continue;
        }
        const GoalIndex next = goals_[step.goal].prerequisites[step.next++];
        if (marks[next] == Mark::unseen) {
          marks[next] = Mark::on_path;
          path.push_back({next, 0});
        } else if (marks[next] == Mark::on_path) {
          std::string cycle;
          for (auto at = std::find_if(path.begin(), path.end(), [&](const Step& s) { return s.goal == next; }); at != path.end(); ++at) {
            cycle += goals_[at->goal].id + " -> ";
          }
          problems_.push_back(
              {goal_paths_.at(goals_[next].id) + ".prerequisites", "must not lead back to the goal itself: " + cycle + goals_[next].id});
        }
      }
    }
  }

  Problems problems_;
  std::vector<Challenge> challenges_;
  std::vector<Goal> goals_;
  std::vector<NamedPrerequisite> prerequisites_;
  std::unordered_map<std::string, std::string> challenge_paths_;  // id -> where it stood first
  std::unordered_map<std::string, std::string> goal_paths_;
};

/// nlohmann counts bytes and says what it expected; people look for a line and a column.
ConfigProblem syntax_problem(std::string_view text, const Json::parse_error& error) {
  const std::string_view before = text.substr(0, std::min(error.byte == 0 ? 0 : error.byte - 1, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t newline = before.rfind('\n');
  const std::size_t column = newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
  std::string what = error.what();
  if (const std::size_t detail = what.find("syntax error"); detail != std::string::npos) what.erase(0, detail);
  return {"line " + std::to_string(line) + ", column " + std::to_string(column), "is not JSON: " + what};
}

}  // namespace

tl::expected<Config, Problems> parse_config(std::string_view text) {
  if (base::json_depth(text) > base::kMaxJsonDepth)
    return tl::unexpected(Problems{{"the text", "is nested deeper than " + std::to_string(base::kMaxJsonDepth) + " levels"}});
  if (text.find('\0') != std::string_view::npos)  // the parser would take it for the end
    return tl::unexpected(Problems{{"the text", "has a byte NUL"}});
  try {
    return Parser().parse(Json::parse(text));
  } catch (const Json::parse_error& error) {
    return tl::unexpected(Problems{syntax_problem(text, error)});
  } catch (const Json::out_of_range& error) {  // a number that no double holds
    return tl::unexpected(Problems{{"a number", std::string("is too large: ") + error.what()}});
  }
}

std::string describe(const Problems& problems) {
  std::string text;
  for (const ConfigProblem& problem : problems) {
    if (!text.empty()) text += '\n';
    text += problem.path + ": " + problem.message;
  }
  return text;
}

}  // namespace gauntlet::challenge
