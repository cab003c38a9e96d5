#pragma once
// The commands of `gauntlet`, one function and one file each: declares the command's flags and what it does.
namespace CLI {
class App;
}

namespace gauntlet::cli {

class Session;

inline constexpr const char* kStackGroup = "The stack";
inline constexpr const char* kDataGroup = "Test data";
inline constexpr const char* kLoadGroup = "Load";
inline constexpr const char* kLabGroup = "The lab";
inline constexpr const char* kServicesGroup = "The services";

void add_up_command(CLI::App& app, Session& session);
void add_ps_command(CLI::App& app, Session& session);
void add_restart_command(CLI::App& app, Session& session);
void add_down_command(CLI::App& app, Session& session);
void add_logs_command(CLI::App& app, Session& session);
void add_status_command(CLI::App& app, Session& session);
void add_env_command(CLI::App& app, Session& session);
void add_events_command(CLI::App& app, Session& session);
void add_exec_sql_command(CLI::App& app, Session& session);
void add_supervise_command(CLI::App& app, Session& session);
void add_fixtures_command(CLI::App& app, Session& session);
void add_reset_command(CLI::App& app, Session& session);
void add_demo_command(CLI::App& app, Session& session);
void add_watch_command(CLI::App& app, Session& session);
void add_merge_command(CLI::App& app, Session& session);
void add_compare_command(CLI::App& app, Session& session);
void add_compatibility_command(CLI::App& app);
void add_claims_command(CLI::App& app, Session& session);
void add_ags_mock_command(CLI::App& app, Session& session);
void add_contract_test_command(CLI::App& app, Session& session);
void add_profile_command(CLI::App& app, Session& session);
void add_campaign_command(CLI::App& app, Session& session);
void add_limit_command(CLI::App& app, Session& session);
void add_explain_command(CLI::App& app, Session& session);
void add_report_command(CLI::App& app, Session& session);
void add_runs_command(CLI::App& app, Session& session);
void add_ab_command(CLI::App& app, Session& session);
void add_doctor_command(CLI::App& app, Session& session);
void add_plan_command(CLI::App& app, Session& session);
void add_fleet_command(CLI::App& app, Session& session);
void add_completion_commands(CLI::App& app);

}  // namespace gauntlet::cli
