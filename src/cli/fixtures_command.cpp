#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "base/system_error.hpp"
#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "lab/atomic_file.hpp"
#include "lab/fixtures/fixtures.hpp"

namespace gauntlet::cli {
namespace {

namespace fs = std::filesystem;

struct FixtureFlags {
  std::vector<std::string> which;
  lab::FixtureSize size;
  std::string folder;
  bool token_from_input = false;
};

/// An access token from standard input: one word of the characters that a bearer token has (RFC 6750 section 2.1).
base::Expected<std::string> read_token() {
  std::string token;
  std::cin >> token;
  const bool valid = !token.empty() &&
                     token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") == std::string::npos;
  if (valid) return token;
  return base::fail(base::ErrorKind::invalid_argument, "--token-from-stdin: standard input holds no access token");
}

base::Expected<void> write_fixtures(const FixtureFlags& flags, const fs::path& folder) {
  if (auto checked = check(flags.size); !checked) return checked;
  auto wanted = [&](const char* name) {
    return flags.which.empty() || std::find(flags.which.begin(), flags.which.end(), name) != flags.which.end();
  };
  std::vector<std::pair<fs::path, std::string>> files;
  if (wanted("users")) files.emplace_back(folder / "users.json", users_json(flags.size));
  if (wanted("tokens")) {
    std::string token;
    if (flags.token_from_input) {
      auto read = TRY(read_token());
      token = read;
    }
    files.emplace_back(folder / "tokens.json", token.empty() ? mock_tokens_json(flags.size) : repeated_token_json(flags.size, token));
  }
  if (wanted("challenges")) files.emplace_back(folder / "challenges.json", challenges_json(flags.size));

  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return tl::unexpected(base::system_error(error.value(), "cannot make " + folder.string()));
  for (const auto& [file, content] : files) {
    if (auto written = lab::write_file_atomically(file, content); !written) return written;
    fmt::print("{}  {} KB\n", file.string(), content.size() / 1000);
  }
  return {};
}

}  // namespace

void add_fixtures_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("fixtures", "Make the load test's players, tokens and challenges (test/fixtures/)")->group(kDataGroup);
  auto flags = std::make_shared<FixtureFlags>();
  auto& size = flags->size;
  command->add_option("which", flags->which, "users, tokens, challenges; all when none is named")
      ->check(CLI::IsMember({"users", "tokens", "challenges"}));
  command->add_option("--users", size.users, "Number of players")->capture_default_str();
  command->add_option("--challenges", size.challenges, "Number of challenges")->capture_default_str();
  command->add_option("--goals", size.goals_per_challenge, "Goals in each challenge")->capture_default_str();
  auto* active =
      command->add_option("--active", size.active_goals, "Goals that each player is given at once (default: one of each challenge)");
  command->add_option("--namespace", size.name_space, "Namespace of the game")->capture_default_str();
  command->add_option("--seed", size.seed, "Varies reward quantities and token ids")->capture_default_str();
  command->add_option("--out", flags->folder, "Folder to write to (default: test/fixtures of the project)");
  command->add_flag("--token-from-stdin", flags->token_from_input,
                    "Give every player the access token on standard input instead of a mock one");
  command->callback([flags, active, &session] {
    if (active->count() == 0) flags->size.active_goals = flags->size.challenges;
    fs::path folder = flags->folder;
    if (folder.empty()) {
      auto project = session.find_project();
      if (!project) return session.fail(project.error());
      folder = *project / "test" / "fixtures";
    }
    if (auto done = write_fixtures(*flags, folder); !done) session.fail(done.error());
  });
}

}  // namespace gauntlet::cli
