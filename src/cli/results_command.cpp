// `gauntlet merge` and `gauntlet compare`: what is done with results files of `gauntlet run --out json=FILE.json`.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "base/whole_file.hpp"
#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "engine/results/comparison.hpp"
#include "engine/results/gathered.hpp"
#include "engine/results/run_result.hpp"
#include "engine/results/summary.hpp"
#include "engine/results/summary_json.hpp"
#include "engine/session/exit_code.hpp"
#include "engine/sinks/file/output_file.hpp"
#include "engine/sinks/terminal/summary_text.hpp"
#include "lab/atomic_file.hpp"
#include "lab/record/run_history.hpp"
#include "lab/report/comparison_html.hpp"

namespace gauntlet::cli {
namespace {

using engine::metrics::MetricRegistry;
using engine::results::Gathered;

/// Results as one sum, with what the first file says about how to show them.
struct Results {
  std::unique_ptr<MetricRegistry> registry = std::make_unique<MetricRegistry>();
  engine::metrics::Thresholds thresholds;
  Gathered gathered;
  engine::results::SummaryOptions options;
};

base::Expected<engine::results::RunResult> read_results(const std::string& path) {
  const auto text = TRY(base::read_file(path));
  auto result = engine::results::parse_run_result(text);
  if (!result || result->state_json.empty()) {
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("{} is not a results file: gauntlet run --out json={} makes one", path, path));
  }
  return result;
}

base::Expected<Results> load(const std::vector<std::string>& paths) {
  Results results;
  for (const std::string& path : paths) {
    const auto result = TRY(read_results(path));
    const std::string& state = result.state_json;
    const auto specs = engine::results::thresholds_in(state);
    if (!specs) return tl::unexpected(base::Error(specs.error()).in(path));
    if (&path == paths.data()) {
      // Metrics of the script have to exist before thresholds name them.
      Gathered only_for_names;
      if (auto ok = engine::results::add(only_for_names, state, *results.registry, engine::results::Generators::have_their_own); !ok) {
        return tl::unexpected(base::Error(ok.error()).in(path));
      }
      for (const auto& [key, list] : *specs) {
        if (auto ok = results.thresholds.add(*results.registry, key, list); !ok) return tl::unexpected(base::Error(ok.error()).in(path));
      }
      results.options = result.options;
    }
    if (auto ok = engine::results::add(results.gathered, state, *results.registry, engine::results::Generators::have_their_own); !ok) {
      return tl::unexpected(base::Error(ok.error()).in(path));
    }
  }
  return results;
}

struct MergeFlags {
  std::vector<std::string> files;
  std::string out;
};

void merge(const MergeFlags& flags, Session& session) {
  auto results = load(flags.files);
  if (!results) return session.fail(results.error());
  results->thresholds.evaluate(results->gathered.snapshot, engine::metrics::Thresholds::When::at_end);
  const bool color = isatty(STDOUT_FILENO) == 1;
  engine::results::SummaryOptions options = results->options;
  options.no_color = !color;
  options.health.cpu_share = results->gathered.cpu_share;
  options.health.busiest_thread = results->gathered.busiest_thread;
  options.health.interrupted = results->gathered.interrupted;
  options.health.samples_dropped = results->gathered.samples_dropped;
  const auto summary = engine::results::summarize(results->gathered.snapshot, results->thresholds, std::move(options));
  fmt::print("{}{}", engine::sinks::render_summary(summary, engine::sinks::SummaryMode::compact, color),
             engine::sinks::render_beyond_k6(summary, color));
  if (!flags.out.empty()) {
    const std::string state = engine::results::to_json(results->gathered, *results->registry);
    const std::string text = engine::results::results_json(summary, results->gathered.rows, *results->registry, state);
    if (auto ok = engine::sinks::write_whole_file(flags.out, text); !ok) return session.fail(ok.error());
  }
  if (results->thresholds.crossed().empty()) return;
  fmt::print(stderr, "gauntlet: {}\n", results->thresholds.crossed_message(false));
  session.exit_code = static_cast<int>(engine::session::ExitCode::thresholds_crossed);
}

struct CompareFlags {
  std::string a;
  std::string b;
  std::string html;
  bool fail_on_worse = false;
};

/// A results file, or the one of a run in the project's history where the text is its number.
base::Expected<std::string> results_file(const std::string& text, const Session& session) {
  std::error_code error;
  if (std::filesystem::exists(text, error) || text.empty() || text.find_first_not_of("0123456789") != std::string::npos) return text;
  const auto project = TRY(session.find_project());
  auto history = TRY(lab::RunHistory::open(project));
  const auto run = TRY(history.find(std::strtoll(text.c_str(), nullptr, 10)));
  if (!run)
    return base::fail(base::ErrorKind::not_found,
                      fmt::format("{} is no file, and no run of that number is in the history: gauntlet runs ls", text));
  return run->result;
}

void compare(const CompareFlags& flags, Session& session) {
  const auto file_a = results_file(flags.a, session), file_b = results_file(flags.b, session);
  if (!file_a || !file_b) return session.fail((file_a ? file_b : file_a).error());
  const auto a = load({*file_a});
  const auto b = load({*file_b});
  if (!a || !b) return session.fail((a ? b : a).error());
  const auto figures = engine::results::compare({a->gathered.rows, *a->registry}, {b->gathered.rows, *b->registry});
  if (!figures) return session.fail(figures.error());
  fmt::print("A  {}\nB  {}\n\n{}", *file_a, *file_b, engine::results::render_comparison(*figures, isatty(STDOUT_FILENO) == 1));
  if (!flags.html.empty())
    if (auto written = lab::write_file_atomically(flags.html, lab::comparison_html(*file_a, *file_b, *figures)); !written)
      return session.fail(written.error());
  const bool worse = std::any_of(figures->begin(), figures->end(),
                                 [](const auto& figure) { return figure.verdict() == engine::results::ComparedFigure::Verdict::worse; });
  if (worse && flags.fail_on_worse) session.exit_code = static_cast<int>(engine::session::ExitCode::thresholds_crossed);
}

}  // namespace

void add_merge_command(CLI::App& app, Session& session) {
  auto flags = std::make_shared<MergeFlags>();
  auto* command = app.add_subcommand("merge", "Add up the results of segments of a test, exactly, and judge the sum")->group(kLoadGroup);
  command->add_option("results", flags->files, "files of gauntlet run --out json=FILE.json")->required()->expected(1, -1);
  command->add_option("--out", flags->out, "write the sum as a results file");
  command->callback([flags, &session] { merge(*flags, session); });
}

void add_compare_command(CLI::App& app, Session& session) {
  auto flags = std::make_shared<CompareFlags>();
  auto* command = app.add_subcommand("compare", "Say whether run B differs from run A, and by how much")->group(kLoadGroup);
  command->add_option("A", flags->a, "results file of the first run, or its number in gauntlet runs ls")->required();
  command->add_option("B", flags->b, "results file of the second run, or its number")->required();
  command->add_option("--html", flags->html, "write the comparison as one HTML file");
  command->add_flag("--fail-on-worse", flags->fail_on_worse, "exit with 99 when a figure is worse");
  command->callback([flags, &session] { compare(*flags, session); });
}

}  // namespace gauntlet::cli
