#include "cli/program.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "cli/exit_code.hpp"

namespace gauntlet::cli {
namespace {

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

Outcome call(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = run_program(static_cast<int>(words.size()), arguments.data());
  std::fflush(stdout);
  return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

TEST(Program, help_groups_the_commands_and_lists_the_exit_codes) {
  const auto help = call({"gauntlet", "--help"});
  EXPECT_EQ(help.code, kDone);
  for (const char* part : {"The stack:", "Test data:", "Load:", "up ", "fixtures", "demo", "Exit codes:"})
    EXPECT_NE(help.out.find(part), std::string::npos) << part;
  EXPECT_EQ(help.out.find("supervise"), std::string::npos) << "the daemon is not for people";
}

TEST(Program, an_unknown_command_is_wrong_usage_and_named) {
  const auto outcome = call({"gauntlet", "levitate"});
  EXPECT_EQ(outcome.code, kWrongUsage);
  EXPECT_NE(outcome.err.find("levitate"), std::string::npos);
  EXPECT_NE(call({"gauntlet", "ups"}).err.find("no command `ups`, did you mean up?"), std::string::npos);
}

TEST(Program, an_unknown_flag_or_value_is_wrong_usage) {
  EXPECT_EQ(call({"gauntlet", "ps", "--sideways"}).code, kWrongUsage);
  EXPECT_NE(call({"gauntlet", "campaign", "--quik"}).err.find("gauntlet campaign does not take --quik, did you mean --quick?"),
            std::string::npos);
  EXPECT_NE(call({"gauntlet", "limit", "a.js", "--over", "A=1..2", "--seconds", "4"}).err.find("gauntlet limit does not take --seconds;"),
            std::string::npos);
  EXPECT_EQ(call({"gauntlet", "logs", "nobody"}).code, kWrongUsage);
  EXPECT_EQ(call({"gauntlet"}).code, kWrongUsage);
}

TEST(Program, an_assignment_without_its_equals_sign_is_named_with_its_flag) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"gauntlet", "up", "--env", "BASE_URL"},
                                             {"gauntlet", "limit", "script.js", "--over", "TARGET_RPS=1..2", "-e", "=5"},
                                             {"gauntlet", "ab", "/dev/null", "--change", "DB_MAX_OPEN_CONNS=5", "-e", "BASE_URL"}}) {
    const auto outcome = call(words);
    EXPECT_EQ(outcome.code, kBadInput) << words[1];
    EXPECT_NE(outcome.err.find("--env " + words.back() + ": write it as NAME=VALUE"), std::string::npos) << outcome.err;
  }
}

TEST(Program, outside_a_project_a_command_says_what_it_looked_for) {
  const auto outcome = call({"gauntlet", "--project", "/", "ps"});
  EXPECT_EQ(outcome.code, kBadInput);
  EXPECT_NE(outcome.err.find(".env.example"), std::string::npos);
}

TEST(Program, k6_version_names_the_version_that_it_follows) {
  for (const auto& words : std::vector<std::vector<std::string>>{{"/usr/bin/k6", "version"}, {"gauntlet", "k6-compatible", "version"}}) {
    const auto outcome = call(words);
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_EQ(outcome.out.substr(0, 9), "k6 v2.3.0");
  }
}

TEST(Program, version_is_a_command_too) {
  const auto outcome = call({"gauntlet", "version"});
  EXPECT_EQ(outcome.code, kDone);
  EXPECT_EQ(outcome.out.substr(0, 9), "gauntlet ");
  EXPECT_EQ(outcome.out, call({"gauntlet", "--version"}).out);
}

TEST(Program, global_flags_stand_before_every_command) {
  for (const auto& flags : std::vector<std::vector<std::string>>{
           {"--project", "/nowhere"}, {"--project=/nowhere"}, {"--state-dir", "run", "--project", "/nowhere"}}) {
    for (const auto& [command, says] : std::vector<std::pair<std::vector<std::string>, std::string>>{{{"run", "--help"}, "--vus"},
                                                                                                     {{"deps", "--help"}, "imports"},
                                                                                                     {{"k6-compatible", "version"}, "k6 v"},
                                                                                                     {{"version"}, "gauntlet "}}) {
      std::vector<std::string> words{"gauntlet"};
      words.insert(words.end(), flags.begin(), flags.end());
      words.insert(words.end(), command.begin(), command.end());
      const auto outcome = call(words);
      EXPECT_EQ(outcome.code, kDone) << outcome.err;
      EXPECT_NE(outcome.out.find(says), std::string::npos) << outcome.out;
    }
  }
  ::unsetenv("GAUNTLET_PROJECT");
  ::unsetenv("GAUNTLET_STATE_DIR");
  EXPECT_EQ(call({"gauntlet", "--project"}).code, kWrongUsage);
}

TEST(Program, a_k6_command_that_is_not_here_is_named) {
  const auto outcome = call({"k6", "cloud"});
  EXPECT_EQ(outcome.code, kWrongUsage);
  EXPECT_NE(outcome.err.find("cloud"), std::string::npos);
}

TEST(Program, completion_knows_every_command_and_its_flags) {
  const auto outcome = call({"gauntlet", "completion", "bash"});
  EXPECT_EQ(outcome.code, kDone);
  EXPECT_NE(outcome.out.find("campaign) words=\"--"), std::string::npos);
  EXPECT_NE(outcome.out.find("--resume"), std::string::npos);
  EXPECT_EQ(outcome.out.find("supervise"), std::string::npos);
  EXPECT_EQ(call({"gauntlet", "completion", "tcsh"}).code, kWrongUsage);
}

TEST(Program, the_manual_lists_commands_flags_and_exit_codes) {
  const auto outcome = call({"gauntlet", "manual"});
  EXPECT_EQ(outcome.code, kDone);
  for (const char* part : {".TH GAUNTLET 1", ".SS gauntlet limit", "\\-\\-over", ".SH EXIT STATUS"})
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part;
}

TEST(Program, fixtures_out_of_range_write_nothing) {
  const auto outcome = call({"gauntlet", "fixtures", "--users", "0", "--out", "/nowhere"});
  EXPECT_EQ(outcome.code, kBadInput);
  EXPECT_NE(outcome.err.find("--users 0"), std::string::npos);
}

}  // namespace
}  // namespace gauntlet::cli
