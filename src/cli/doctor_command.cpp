#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <optional>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/session.hpp"
#include "lab/doctor/doctor.hpp"

namespace gauntlet::cli {

void add_doctor_command(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("doctor", "Look for what keeps load tests from working; exit code 8 when something does")->group(kLabGroup);
  struct Flags {
    bool fix = false;
    double disk_gb = 2;
  };
  auto flags = std::make_shared<Flags>();
  command->add_flag("--fix", flags->fix, "Do the safe repairs: fixtures, configuration, extension, start of the stack");
  command->add_option("--disk-gb", flags->disk_gb, "Free disk space that there must be")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->callback([flags, &session] {
    lab::DoctorOptions options;
    options.programs = Session::programs();
    options.least_disk_bytes = static_cast<std::uint64_t>(flags->disk_gb * 1e9);
    if (const char* port = std::getenv("K6_WEB_DASHBOARD_PORT"); port != nullptr && std::atoi(port) > 0)
      options.dashboard_port = std::atoi(port);
    const lab::Tell tell = Session::tell;
    std::optional<lab::Stack> stack;  // which the repairs work on
    const auto examine = [&]() -> base::Expected<std::vector<lab::Finding>> {
      if (session.docker) return lab::examine(TRY(session.open_containers()), options, tell);
      stack = TRY(session.open_stack());
      return lab::examine(*stack, options, tell);
    };
    const auto findings = examine();
    if (!findings) return session.fail(findings.error());
    bool well = true;
    for (const auto& finding : *findings) {
      static constexpr const char* kMarks[] = {"ok     ", "warning", "problem"};
      Session::tell(fmt::format("{} {:<19} {}", kMarks[static_cast<std::size_t>(finding.level)], finding.subject, finding.what));
      if (finding.level == lab::Finding::Level::well) continue;
      if (finding.level == lab::Finding::Level::problem && flags->fix && finding.repair) {
        const auto repaired = finding.repair();
        Session::tell(repaired ? fmt::format("{:>28}repaired", "") : fmt::format("{:>28}not repaired: {}", "", repaired.error().message));
        if (repaired) continue;
      } else {
        Session::tell(fmt::format("{:>28}{}{}", "", finding.fix,
                                  finding.repair && finding.level == lab::Finding::Level::problem ? "   (--fix does it)" : ""));
      }
      well = well && finding.level != lab::Finding::Level::problem;
    }
    if (!well) session.exit_code = kNotHealthy;
  });
}

}  // namespace gauntlet::cli
