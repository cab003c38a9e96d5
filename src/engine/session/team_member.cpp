#include "engine/session/team_member.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace gauntlet::engine::session {

namespace words = fleet::words;

void TeamMember::listen(base::EventLoop& control, std::function<void()> stop) {
  stop_ = std::move(stop);
  end_.listen([this, &control](words::ToAgent word) { control.post([this, word = std::move(word)] { hear(word); }); });
}

void TeamMember::hear(const words::ToAgent& word) {
  if (word.has_setup()) may_set_up_ = true;
  if (word.has_teardown()) may_tear_down_ = true;
  if (word.has_stop()) stop_();
  if (word.has_start()) {
    start_.emplace();
    start_->at = base::EventLoop::Clock::time_point(std::chrono::nanoseconds(word.start().agent_ns()));
    if (word.start().has_data()) start_->setup_data = word.start().data();
  }
}

void TeamMember::say_ready() {
  words::FromAgent word;
  word.mutable_ready();
  end_.say(word);
}

void TeamMember::give_setup_data(const std::optional<std::string>& json) {
  words::FromAgent word;
  word.mutable_setup_done();
  if (json) word.mutable_setup_done()->set_data(*json);
  end_.say(word);
}

void TeamMember::say_finished() {
  words::FromAgent word;
  word.mutable_finished();
  end_.say(word);
}

void TeamMember::say_failed() {
  words::FromAgent word;
  word.mutable_failed();
  end_.say(word);
}

void TeamMember::give_verdict(const Verdict& verdict, bool last) {
  words::FromAgent word;
  word.mutable_verdict()->set_code(static_cast<int>(verdict.code));
  word.mutable_verdict()->set_message(verdict.message);
  word.mutable_verdict()->set_hint(verdict.hint);
  word.mutable_verdict()->set_last(last);
  end_.say(word);
}

base::Expected<void> TeamMember::give_samples(std::uint32_t output, int descriptor) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) return base::fail(base::ErrorKind::unavailable, "the samples are gone");
  std::uint64_t offset = 0;
  const auto total = static_cast<std::uint64_t>(status.st_size);
  do {
    std::string bytes(std::min<std::uint64_t>(fleet::kArchivePartBytes, total - offset), '\0');
    if (pread(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset)) != static_cast<ssize_t>(bytes.size()))
      return base::fail(base::ErrorKind::unavailable, fmt::format("the samples cannot be read: {}", std::strerror(errno)));
    words::FromAgent word;
    words::SamplePart& part = *word.mutable_sample_part();
    part.set_output(output);
    part.set_total(total);
    part.set_offset(offset);
    offset += bytes.size();
    part.set_bytes(std::move(bytes));
    end_.wait_for_room();
    end_.say(word);
  } while (offset < total);
  return {};
}

void TeamMember::give_window(std::string gathered, bool anew, const dashboard::GeneratorUse& use, const results::RunProgress& progress) {
  words::FromAgent word;
  words::Window& window = *word.mutable_window();
  window.set_number(++windows_);
  window.set_gathered(std::move(gathered));
  window.set_anew(anew);
  window.set_cpu_cores(use.cpu_cores);
  window.set_resident_bytes(use.resident_bytes);
  words::Progress& shown = *window.mutable_progress();
  shown.set_vus_active(progress.vus_active);
  shown.set_vus_initialized(progress.vus_initialized);
  shown.set_iterations_complete(progress.iterations_complete);
  shown.set_iterations_interrupted(progress.iterations_interrupted);
  for (const results::ScenarioProgress& from : progress.scenarios) {
    words::ScenarioProgress& scenario = *shown.add_scenarios();
    scenario.set_name(from.name);
    scenario.set_status(static_cast<std::uint32_t>(from.status));
    scenario.set_fraction(from.fraction);
    scenario.set_starts_in_ns(from.starts_in.count());
    scenario.set_elapsed_ns(from.elapsed.count());
    scenario.set_vus_active(from.vus_active);
    scenario.set_vus(from.vus);
    scenario.set_max_vus(from.max_vus);
    scenario.set_iterations_done(from.iterations_done);
    scenario.set_iterations_total(from.iterations_total);
    scenario.set_iterations_per_vu(from.iterations_per_vu);
    scenario.set_rate(from.rate);
    scenario.set_max_rate(from.max_rate);
    scenario.set_vus_most(from.vus_most);
    scenario.set_iterations_dropped(from.iterations_dropped);
    scenario.set_done_rate(from.done_rate);
  }
  end_.say(word);
}

std::unique_ptr<users::Log> TeamMember::log(fleet::AgentEnd& end, bool verbose, bool console) {
  return users::Log::to(
      [&end, console](users::LogLevel level, std::string_view message, const users::LogFields& fields) {
        words::FromAgent word;
        words::Note& note = *word.mutable_note();
        note.set_level(static_cast<std::uint32_t>(level));
        note.set_message(std::string(message));
        note.set_console(console);
        for (const users::LogField& field : fields) {
          words::Field& to = *note.add_fields();
          to.set_key(std::string(field.key));
          to.set_value(std::string(field.value));
        }
        end.say_if_room(word);
      },
      verbose);
}

}  // namespace gauntlet::engine::session
