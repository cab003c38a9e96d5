#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>

#include "base/system_error.hpp"
#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "lab/stack/postgres_cluster.hpp"

namespace gauntlet::cli {

void add_exec_sql_command(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("exec-sql", "Run SQL in the stack's database: a statement, -f FILE, or psql's prompt")->group(kStackGroup);
  struct Flags {
    std::string sql;
    std::string file;
    bool bare = false;
  };
  auto flags = std::make_shared<Flags>();
  auto* sql = command->add_option("sql", flags->sql, "A statement, or a psql command such as \\dx");
  command->add_option("-f,--file", flags->file, "A file of statements; - reads them from standard input")->excludes(sql);
  command->add_flag("-A,--bare", flags->bare, "Values only, columns separated by |");
  command->callback([flags, &session] {
    const auto target = session.find_stack();
    if (!target) return session.fail(target.error());
    if (!target->database)
      return session.fail({base::ErrorKind::unavailable, "the database is not up: gauntlet up (or make dev-up) starts it"});
    const auto& database = *target->database;
    auto programs = lab::find_postgres_programs();
    if (!programs) return session.fail(programs.error());

    std::vector<std::string> words{(*programs / "psql").string(),
                                   "--no-psqlrc",
                                   "--set=ON_ERROR_STOP=1",
                                   "--host=" + database.host,
                                   "--port=" + std::to_string(database.port),
                                   "--username=" + database.user,
                                   "--dbname=" + database.database};
    if (!database.password.empty()) ::setenv("PGPASSWORD", database.password.c_str(), 1);
    if (flags->bare) words.insert(words.end(), {"--tuples-only", "--no-align"});
    if (!flags->sql.empty()) words.push_back("--command=" + flags->sql);
    if (!flags->file.empty()) words.push_back("--file=" + flags->file);
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::execv(arguments[0], arguments.data());
    session.fail(base::system_error(errno, "cannot start " + words[0]));
  });
}

}  // namespace gauntlet::cli
