#include "engine/session/team.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numeric>
#include <set>
#include <utility>

#include "base/duration.hpp"
#include "base/version.hpp"
#include "engine/session/home_file.hpp"
#include "engine/users/log.hpp"

namespace gauntlet::engine::session {

namespace words = fleet::words;
using results::RunProgress;

namespace {

constexpr std::chrono::seconds kTick(1);
constexpr int kPingsAtFirst = 8;
constexpr std::uint64_t kWindowsAhead = 10;  // of two a second, where an agent makes one
constexpr std::size_t kMostWindowBytes = std::size_t{64} << 20;
/// The start is far enough ahead for the word of it to be there in time.
constexpr std::chrono::milliseconds kShortestLead(100);

/// Whether what shows an agent's progress can count on it.
bool can_be(const words::Window& window) {
  const auto are_vus = [](std::initializer_list<std::int64_t> numbers) {
    constexpr std::int64_t kMost = std::int64_t{1} << 53U;  // the sum of all agents still has room
    return std::all_of(numbers.begin(), numbers.end(), [](std::int64_t number) { return number >= 0 && number <= kMost; });
  };
  const auto are_rates = [](std::initializer_list<double> numbers) {
    return std::all_of(numbers.begin(), numbers.end(), [](double number) { return std::isfinite(number) && number >= 0; });
  };
  const words::Progress& all = window.progress();
  return are_rates({window.cpu_cores()}) && are_vus({all.vus_active(), all.vus_initialized()}) &&
         std::all_of(all.scenarios().begin(), all.scenarios().end(), [&](const words::ScenarioProgress& one) {
           return one.status() <= static_cast<std::uint32_t>(results::ScenarioProgress::Status::interrupted) &&
                  are_vus({one.vus_active(), one.vus(), one.max_vus(), one.vus_most()}) &&
                  are_rates({one.fraction(), one.rate(), one.max_rate(), one.done_rate()});
         });
}

}  // namespace

TeamSettings TeamSettings::of_processes(std::size_t count) {
  TeamSettings settings;
  settings.share_the_machine = true;
  for (std::size_t i = 0; i < count; ++i) {
    settings.places.push_back({fmt::format("process {} of {}", i + 1, count), {"/proc/self/exe", "agent"}, 1});
  }
  return settings;
}

struct Team::Member {
  fleet::Place place;
  Stage stage = Stage::starting;
  std::unique_ptr<fleet::Seat> seat;
  words::Hello hello;
  results::Gathered all;
  results::Gathered fresh;  // of all, what add_up() has not seen
  words::Window last;       // without what was gathered
  std::int64_t last_ns = 0;
  std::map<std::uint32_t, HomeFile> samples;  // by output
  std::string lost;                           // why
  std::chrono::nanoseconds lost_at{0};
};

Team::Team(base::EventLoop& control, const TeamSettings& settings, metrics::MetricRegistry& registry, Ears ears)
    : control_(control), settings_(settings), registry_(registry), ears_(std::move(ears)) {}

Team::~Team() {
  control_.cancel(timer_);
  pinger_.reset();
  for (const auto& member : members_) {
    if (member->seat) member->seat->hang_up();
  }
  for (const auto& member : members_) {
    if (member->seat) member->seat->ask_to_end();
  }
}

std::string Team::called(const Member& member) const {
  return settings_.share_the_machine ? member.place.name : "agent " + member.place.name;
}

double Team::share_of(const Member& member) const {
  const auto whole =
      std::accumulate(members_.begin(), members_.end(), 0.0, [](double sum, const auto& one) { return sum + one->place.weight; });
  return member.place.weight / whole;
}

base::Expected<void> Team::start(const std::string& archive, const words::Assignment& assignment,
                                 const std::map<std::uint32_t, std::string>& sample_files) {
  for (std::size_t begin = 0; begin < archive.size(); begin += fleet::kArchivePartBytes) {
    words::ToAgent part;
    part.mutable_archive_part()->set_bytes(archive.substr(begin, fleet::kArchivePartBytes));
    archive_.push_back(std::make_shared<const std::string>(fleet::framed(part)));
  }
  assignment_ = assignment;
  std::set<std::string> taken;
  for (const fleet::Place& place : settings_.places) {
    Member& member = *members_.emplace_back(std::make_unique<Member>());
    member.place = place;
    for (const auto& [output, path] : sample_files) {
      const std::string name = settings_.share_the_machine ? fmt::format("process-{}", members_.size()) : place.name;
      std::string own = path_of_agent(path, name);
      for (int i = 2; !taken.insert(own).second; ++i) own = path_of_agent(path, fmt::format("{}-{}", i, name));
      auto file = TRY(HomeFile::prepare(own));
      member.samples.emplace(output, std::move(file));
    }
  }
  return start_carriers();
}

base::Expected<void> Team::start_carriers() {
  for (std::size_t i = members_.size(); i < settings_.places.size(); ++i) {
    members_.push_back(std::make_unique<Member>());
    members_.back()->place = settings_.places[i];
  }
  for (const auto& one : members_) {
    Member& member = *one;
    fleet::Seat::Ears ears;
    ears.word = [this, &member](const words::FromAgent& word) { hear(member, word); };
    ears.gone = [this, &member](const std::string& why) { lose(member, why); };
    ears.line = [this, &member](const std::string& line) {
      if (member.stage == Stage::starting) return;  // told with the failure, if there is one
      words::Note note;
      note.set_level(static_cast<std::uint32_t>(users::LogLevel::warning));
      note.set_message(line);
      ears_.note(member.place.name, note);
    };
    auto seat = TRY(fleet::Seat::start(control_, member.place, std::move(ears)));
    member.seat = std::move(seat);
  }
  timer_ = control_.call_after(kTick, [this] { tick(); });
  pinger_ = std::make_unique<base::LoopThread>("pings");
  pinger_->loop().post([this, &loop = pinger_->loop()] { keep_pinging(loop); });
  return {};
}

bool Team::is_over() const {
  return std::all_of(members_.begin(), members_.end(), [](const auto& member) { return member->stage >= Stage::done; });
}

bool Team::all_are(Stage stage) const {
  return std::all_of(members_.begin(), members_.end(), [&](const auto& member) { return member->stage >= stage; });
}

void Team::tick() {
  ++ticks_;
  timer_ = control_.call_after(kTick, [this] { tick(); });
  for (const auto& member : members_) {
    if (member->stage == Stage::starting) {
      if (ticks_ * kTick > member->place.patience)
        lose(*member, fmt::format("it has not answered within {} s", member->place.patience.count()));
    } else if (member->stage < Stage::done && member->seat->is_silent()) {
      lose(*member, fmt::format("it has been silent for {} s", fleet::kMostSilence / std::chrono::seconds(1)));
    }
  }
}

void Team::keep_pinging(base::EventLoop& loop) {
  for (const auto& member : members_) member->seat->ping_again();
  loop.call_after(kTick, [this, &loop] { keep_pinging(loop); });
}

void Team::hear(Member& member, const words::FromAgent& word) {
  if (member.stage >= Stage::done) return;
  if (member.stage == Stage::starting && !word.has_hello()) return;
  switch (word.word_case()) {
    case words::FromAgent::kHello:
      if (member.stage != Stage::starting) return lose(member, "it greets a second time");
      hear_hello(member, word.hello());
      break;
    case words::FromAgent::kPong:
      if (member.seat->clock().trips() < kPingsAtFirst) {
        member.seat->ping();
      } else if (member.stage == Stage::greeted) {
        go_on();
      }
      break;
    case words::FromAgent::kReady: member.stage = std::max(member.stage, Stage::ready); break;
    case words::FromAgent::kSetupDone:
      if (&member != members_.front().get() || !sets_up_ || started_ns_)
        return lose(member, "it speaks of a setup() that was not asked of it");
      has_setup_data_ = true;
      if (word.setup_done().has_data()) setup_data_ = word.setup_done().data();
      break;
    case words::FromAgent::kWindow: hear_window(member, word.window()); return;
    case words::FromAgent::kNote: ears_.note(member.place.name, word.note()); return;
    case words::FromAgent::kFinished: member.stage = std::max(member.stage, Stage::finished); break;
    case words::FromAgent::kFailed: ears_.mark_failed(); break;
    case words::FromAgent::kVerdict: hear_verdict(member, word.verdict()); break;
    case words::FromAgent::kSamplePart: hear_samples(member, word.sample_part()); return;
    case words::FromAgent::kReading:
    case words::FromAgent::WORD_NOT_SET: return;
  }
  go_on();
}

void Team::hear_hello(Member& member, const words::Hello& hello) {
  constexpr std::size_t kLongestName = 255;
  if (std::max(hello.host().size(), hello.version().size()) > kLongestName) return lose(member, "no machine has a name as long as it says");
  member.hello = hello;
  if (hello.protocol() != fleet::kProtocol || hello.version() != base::kVersion) {
    member.stage = Stage::gone;
    member.seat->hang_up();
    fail({ExitCode::other, fmt::format("{} is gauntlet {}, and this is gauntlet {}", called(member), hello.version(), base::kVersion),
          "all machines of a test need the same version"});
    return;
  }
  member.stage = Stage::greeted;
  member.seat->ping();
}

void Team::hear_window(Member& member, const words::Window& window) {
  if (window.number() != member.last.number() + 1)
    return lose(member, fmt::format("its window {} came twice or out of turn", window.number()));
  const auto seconds = static_cast<std::uint64_t>((fleet::steady_ns() - began_ns_) / 1'000'000'000);
  if (window.number() > kWindowsAhead + 2 * seconds) return lose(member, "it sends windows without end");
  if (!can_be(window)) return lose(member, "its progress cannot be that of a test");
  if (window.anew()) {
    member.all = member.fresh = {};
    elapsed_before_ = {};
    ears_.anew();
  }
  if (auto added = add_window(member, window.gathered()); !added)
    return lose(member, "its results cannot be read: " + added.error().message);
  member.last = window;
  member.last.clear_gathered();
  member.last_ns = fleet::steady_ns();
}

base::Expected<void> Team::add_window(Member& member, const std::string& json) {
  if (json.size() > kMostWindowBytes)
    return base::fail(base::ErrorKind::invalid_argument, fmt::format("a window of {} MB", json.size() >> 20U));
  auto gathered = TRY(results::read_gathered(json, registry_));
  // What a window never has, and what it may have (each before it is added, which takes the product of both sides).
  gathered.rows.clear();
  gathered.thresholds.clear();
  TRY(results::check_bounds(gathered));
  results::Gathered all = member.all;  // what is refused must not count
  add(all, gathered, results::Generators::are_the_same);
  TRY(results::check_bounds(all));
  member.all = std::move(all);
  add(member.fresh, gathered, results::Generators::are_the_same);
  return {};
}

void Team::hear_samples(Member& member, const words::SamplePart& part) {
  const auto file = member.samples.find(part.output());
  if (file == member.samples.end()) return lose(member, "it sends samples that were not asked of it");
  if (auto taken = file->second.take(part); !taken) lose(member, taken.error().message);
}

void Team::give_up_samples(Member& member) {
  for (const auto& [output, file] : member.samples) {
    if (file.is_whole()) continue;
    words::Note note;
    note.set_level(static_cast<std::uint32_t>(users::LogLevel::warning));
    note.set_message(fmt::format("the samples of {} did not all come: {} is not written", called(member), file.path()));
    ears_.note("", note);
  }
  std::erase_if(member.samples, [](const auto& one) { return !one.second.is_whole(); });
}

std::string Team::names_of_sample_files() const {
  std::string names;
  for (const auto& member : members_) {
    for (const auto& [output, file] : member->samples) names += (names.empty() ? "" : ", ") + file.path();
  }
  return names;
}

std::vector<std::string> Team::sample_files() const {
  std::vector<std::string> files;
  for (const auto& member : members_) {
    for (const auto& [output, file] : member->samples) {
      if (file.is_whole()) files.push_back(file.path());
    }
  }
  return files;
}

void Team::hear_verdict(Member& member, const words::Verdict& verdict) {
  const auto code =
      verdict.code() >= 0 && verdict.code() <= static_cast<int>(ExitCode::other) ? static_cast<ExitCode>(verdict.code()) : ExitCode::other;
  if (verdict.last()) {
    if (!started_ns_ && code == ExitCode::ok) return lose(member, "it ended before the test began");
    member.stage = Stage::done;
    member.seat->hang_up();
    give_up_samples(member);
  }
  if (code != ExitCode::ok) fail({code, verdict.message(), verdict.hint()});
}

void Team::fail(Verdict verdict) {
  ears_.fail(std::move(verdict));
  stop();
}

void Team::lose(Member& member, const std::string& why) {
  if (member.stage >= Stage::done) return;
  const std::string words = member.seat->last_words();
  const bool greeted = member.stage != Stage::starting;
  member.stage = Stage::gone;
  member.seat->hang_up();
  if (!started_ns_) {
    fail({ExitCode::other,
          fmt::format("{} {}: {}{}", called(member), greeted ? "was lost before the test began" : "did not start", why,
                      words.empty() ? "" : ":\n" + words),
          ""});
    return;
  }
  give_up_samples(member);
  member.lost = why;
  member.lost_at = std::chrono::nanoseconds(std::max<std::int64_t>(0, fleet::steady_ns() - *started_ns_));
  for (metrics::MetricState& metric : member.all.snapshot.metrics) {
    if (metric.info->id == metrics::MetricId::vus) metric.total.last = 0;  // nobody is there any more
  }
  const std::string message =
      fmt::format("{} was lost {:.1f} s into the test, and {:.0f} % of the load with it: {}; what it had sent by then counts",
                  called(member), base::seconds_of(member.lost_at), 100 * share_of(member), why);
  if (settings_.goes_on_without_lost) {
    words::Note note;
    note.set_level(static_cast<std::uint32_t>(users::LogLevel::warning));
    note.set_message(message);
    ears_.note("", note);
  } else {
    fail({ExitCode::agent_lost, message, "--on-agent-loss continue goes on without it"});
  }
  go_on();
}

std::string Team::names_of(const std::function<bool(const Member&)>& is_meant) const {
  std::string names;
  for (const auto& member : members_) {
    if (is_meant(*member)) names += (names.empty() ? "" : ", ") + called(*member);
  }
  return names;
}

std::string Team::lost() const {
  return names_of([](const Member& member) { return !member.lost.empty(); });
}

std::string Team::limits() const {
  return names_of([](const Member& member) {
    const auto* slip = member.all.snapshot.find(metrics::MetricId::schedule_slip);
    return member.all.cpu_share.value_or(0) > results::GeneratorHealth::kBusyShare ||
           (slip != nullptr && slip->total.values.percentile(0.99) > results::GeneratorHealth::kLateMs);
  });
}

bool Team::knows_clocks() const {
  return std::all_of(members_.begin(), members_.end(), [](const auto& member) {
    return member->stage >= Stage::done || (member->stage > Stage::starting && member->seat->clock().trips() >= kPingsAtFirst);
  });
}

void Team::go_on() {
  if (!assignment_ || is_over()) return;
  Member& first = *members_.front();
  if (!assigned_ && knows_clocks()) {
    assign();
  } else if (assigned_ && !sets_up_ && all_are(Stage::ready)) {
    sets_up_ = true;
    ears_.phase(RunProgress::Phase::setup);
    words::ToAgent word;
    word.mutable_setup();
    first.seat->say(word);
  } else if (has_setup_data_ && !started_ns_) {
    start_together();
  } else if (started_ns_ && !tears_down_ && all_are(Stage::finished)) {
    tears_down_ = true;
    ears_.phase(RunProgress::Phase::teardown);
    words::ToAgent word;
    word.mutable_teardown();
    if (first.stage == Stage::finished) first.seat->say(word);
  }
}

void Team::assign() {
  assigned_ = true;
  std::string sequence = "0";
  std::uint64_t whole = 0;
  for (const auto& member : members_) whole += member->place.weight;
  const auto point = [&](std::uint64_t sum) { return sum == 0 ? "0" : sum == whole ? "1" : fmt::format("{}/{}", sum, whole); };
  std::uint64_t sum = 0;
  for (const auto& member : members_) sequence += "," + std::string(point(sum += member->place.weight));
  sum = 0;
  for (const auto& member : members_) {
    const std::string begin = point(sum);
    const std::string end = point(sum += member->place.weight);
    if (member->stage >= Stage::done) continue;
    member->stage = Stage::preparing;
    words::ToAgent word;
    words::Assignment& assignment = *word.mutable_assignment();
    assignment = *assignment_;
    assignment.set_is_first(member == members_.front());
    assignment.set_name(member->place.name);
    if (members_.size() > 1) {
      assignment.set_segment(fmt::format("{}:{}", begin, end));
      assignment.set_segment_sequence(sequence);
    }
    for (const auto& part : archive_) member->seat->say(part);
    member->seat->say(word);
  }
  archive_.clear();
}

void Team::start_together() {
  std::int64_t slowest = 0;
  for (const auto& member : members_) slowest = std::max(slowest, member->seat->clock().round_trip_ns());
  const std::int64_t at = fleet::steady_ns() + std::max<std::int64_t>(std::chrono::nanoseconds(kShortestLead).count(), 4 * slowest);
  started_ns_ = at;
  ears_.phase(RunProgress::Phase::running);
  for (const auto& member : members_) {
    if (member->stage >= Stage::done) continue;
    member->stage = Stage::running;
    words::ToAgent word;
    word.mutable_start()->set_agent_ns(member->seat->clock().agent_ns(at));
    if (setup_data_) word.mutable_start()->set_data(*setup_data_);
    member->seat->say(word);
  }
}

void Team::stop() {
  if (stops_) return;
  stops_ = true;
  words::ToAgent word;
  word.mutable_stop();
  for (const auto& member : members_) {
    if (member->stage >= Stage::done || !member->seat) continue;
    if (started_ns_) {
      member->seat->say(word);
    } else {
      member->stage = Stage::gone;
      member->seat->hang_up();
    }
  }
}

metrics::Snapshot Team::add_up() {
  const auto generators = settings_.share_the_machine ? results::Generators::share_the_cores : results::Generators::have_their_own;
  sum_ = {};
  results::Gathered window;
  for (const auto& member : members_) {
    add(sum_, member->all, generators);
    add(window, member->fresh, generators);
    member->fresh = {};
  }
  metrics::Snapshot snapshot = sum_.snapshot;
  for (std::size_t i = 0; i < window.snapshot.metrics.size(); ++i) snapshot.metrics[i].window = std::move(window.snapshot.metrics[i].total);
  snapshot.window = std::max(std::chrono::nanoseconds(0), snapshot.elapsed - elapsed_before_);
  elapsed_before_ = snapshot.elapsed;
  return snapshot;
}

void Team::report_progress(RunProgress& progress) const {
  progress.vus_active = progress.vus_initialized = 0;
  progress.iterations_complete = progress.iterations_interrupted = 0;
  for (const auto& member : members_) {
    const words::Progress& from = member->last.progress();
    if (member->stage != Stage::gone) {
      progress.vus_active += from.vus_active();
      progress.vus_initialized += from.vus_initialized();
    }
    progress.iterations_complete += from.iterations_complete();
    progress.iterations_interrupted += from.iterations_interrupted();
    for (const words::ScenarioProgress& scenario : from.scenarios()) {
      const auto into = std::find_if(progress.scenarios.begin(), progress.scenarios.end(),
                                     [&](const results::ScenarioProgress& known) { return known.name == scenario.name(); });
      if (into == progress.scenarios.end()) continue;
      into->status = static_cast<results::ScenarioProgress::Status>(scenario.status());
      into->fraction += scenario.fraction() * share_of(*member);
      into->starts_in = std::chrono::nanoseconds(scenario.starts_in_ns());
      into->elapsed = std::max(into->elapsed, std::chrono::nanoseconds(scenario.elapsed_ns()));
      into->vus_active += scenario.vus_active();
      into->vus += scenario.vus();
      into->max_vus += scenario.max_vus();
      into->iterations_done += scenario.iterations_done();
      into->iterations_total += scenario.iterations_total();
      into->iterations_per_vu = scenario.iterations_per_vu();
      into->rate += scenario.rate();
      into->max_rate += scenario.max_rate();
      into->vus_most += scenario.vus_most();
      into->iterations_dropped += scenario.iterations_dropped();
      into->done_rate += scenario.done_rate();
    }
  }
}

dashboard::GeneratorUse Team::use() const {
  dashboard::GeneratorUse use;
  for (const auto& member : members_) {
    if (member->stage == Stage::gone) continue;
    use.cpu_cores += member->last.cpu_cores();
    use.resident_bytes += member->last.resident_bytes();
  }
  return use;
}

std::vector<results::AgentResult> Team::agents() const {
  std::vector<results::AgentResult> agents;
  for (const auto& member : members_) {
    results::AgentResult& agent = agents.emplace_back();
    agent.name = member->place.name;
    agent.host = member->hello.host();
    agent.version = member->hello.version();
    agent.cores = member->hello.cores();
    agent.open_files = member->hello.open_files();
    agent.share = share_of(*member);
    if (member->seat && member->seat->clock().is_known()) {
      agent.round_trip_ms = static_cast<double>(member->seat->clock().round_trip_ns()) / 1e6;
      agent.clock_offset_ms = static_cast<double>(member->seat->clock().calendar_offset_ns()) / 1e6;
      agent.start_error_ms = static_cast<double>(member->seat->clock().error_ns()) / 1e6;
    }
    agent.cpu_share = member->all.cpu_share.value_or(0);
    const metrics::Snapshot& snapshot = member->all.snapshot;
    if (const auto* iterations = snapshot.find(metrics::MetricId::iterations))
      agent.iterations = static_cast<std::uint64_t>(iterations->total.sum);
    if (const auto* slip = snapshot.find(metrics::MetricId::schedule_slip)) agent.slip_p99_ms = slip->total.values.percentile(0.99);
    if (const auto* lag = snapshot.find(metrics::MetricId::loop_lag)) agent.loop_lag_p99_ms = lag->total.values.percentile(0.99);
    if (member->last_ns != 0 && member->stage < Stage::done) agent.late_s = static_cast<double>(fleet::steady_ns() - member->last_ns) / 1e9;
    agent.lost = member->lost;
    agent.lost_at_s = base::seconds_of(member->lost_at);
  }
  return agents;
}

}  // namespace gauntlet::engine::session
