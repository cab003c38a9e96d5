#include "engine/session/agent.hpp"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/machine_memory.hpp"
#include "base/signals.hpp"
#include "base/version.hpp"
#include "engine/fleet/agent_end.hpp"
#include "engine/script/archive.hpp"
#include "engine/script/program.hpp"
#include "engine/session/machine.hpp"
#include "engine/session/output_spec.hpp"
#include "engine/session/signal_thread.hpp"
#include "engine/session/team_member.hpp"
#include "engine/session/test_run.hpp"

namespace gauntlet::engine::session {
namespace {

namespace words = fleet::words;

words::FromAgent hello() {
  words::FromAgent word;
  words::Hello& hello = *word.mutable_hello();
  hello.set_protocol(fleet::kProtocol);
  hello.set_version(base::kVersion);
  utsname machine{};
  uname(&machine);
  hello.set_host(machine.nodename);
  hello.set_cores(static_cast<std::uint32_t>(usable_cores()));
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  hello.set_open_files(files.rlim_max);
  hello.set_memory_bytes(base::machine_memory_bytes());
  return word;
}

base::Expected<RunSettings> settings_of(const words::Assignment& assignment, const script::Archive& archive) {
  RunSettings settings;
  if (!assignment.segment().empty()) {
    settings.flags.execution_segment = assignment.segment();
    settings.flags.execution_segment_sequence = assignment.segment_sequence();
  }
  if (!assignment.local_ips().empty()) settings.flags.local_ips = assignment.local_ips();
  settings.environment = {archive.environment.begin(), archive.environment.end()};
  settings.color = false;
  settings.quiet = true;
  settings.no_thresholds = assignment.no_thresholds();
  settings.strict_k6 = assignment.strict_k6();
  settings.freeze_env = assignment.freeze_env();
  settings.scenarios = {assignment.scenarios().begin(), assignment.scenarios().end()};
  settings.once = assignment.once();
  settings.summary_mode = assignment.parts() ? sinks::SummaryMode::full : sinks::SummaryMode::compact;
  settings.threads = assignment.threads();
  settings.warm_up = plan::Nanoseconds(assignment.warm_up_ns());
  settings.setup_apart = assignment.setup_apart();
  users::Secrets::Sources secrets;
  for (const words::Secrets& source : assignment.secrets()) secrets[source.name()] = {source.values().begin(), source.values().end()};
  settings.secrets = users::Secrets(std::move(secrets));
  const auto variable = [&](const char* name) {
    const auto found = assignment.output_variables().find(name);
    return found == assignment.output_variables().end() ? nullptr : found->second.c_str();
  };
  for (const std::string& text : assignment.outputs()) {
    auto output = TRY(parse_output(text, settings.strict_k6, variable));
    output.for_leader = output.writes_file();
    if (output.kind == OutputSpec::Kind::receiver) {  // where the samples of several agents meet
      settings.flags.tags = plan::StringMap{{"agent", assignment.name()}};
      settings.merge_run_tags = true;
    }
    settings.outputs.push_back(std::move(output));
  }
  return settings;
}

}  // namespace

ExitCode run_agent(int from_leader, int to_leader) {
  base::block_signals({SIGINT, SIGTERM});
  std::optional<SignalThread> until_the_test(std::in_place, [](int number) { _exit(128 + number); });  // which then hears them itself
  fleet::AgentEnd end(from_leader, to_leader);
  end.say(hello());
  std::string packed;
  words::ToAgent word = end.wait();
  bool fits = true;
  for (; !word.has_assignment(); word = end.wait()) {
    fits = fits && packed.size() + word.archive_part().bytes().size() <= script::kMostArchiveBytes;
    if (fits) packed += word.archive_part().bytes();
  }
  const words::Assignment& assignment = word.assignment();
  TeamMember member(end, assignment);
  base::Expected<script::Archive> archive = base::fail(base::ErrorKind::invalid_argument, "the script with its files is larger than 1 GiB");
  if (fits) archive = script::unpack_archive(assignment.script(), packed);
  packed = {};
  if (!archive) {
    member.give_verdict({ExitCode::other, archive.error().message, ""}, /*last=*/true);
    return ExitCode::other;
  }
  auto read = settings_of(assignment, *archive);
  if (!read) {
    member.give_verdict({ExitCode::other, read.error().message, ""}, /*last=*/true);
    return ExitCode::other;
  }
  RunSettings settings = std::move(*read);
  const auto log = TeamMember::log(end, assignment.verbose(), /*console=*/false);
  const auto console = TeamMember::log(end, assignment.verbose(), /*console=*/true);
  settings.member = &member;
  settings.console = console.get();
  const auto program = script::Program::from_archive(assignment.script(), std::move(*archive));
  TestRun test(*program, *log, settings);
  until_the_test.reset();
  return test.run();
}

}  // namespace gauntlet::engine::session
