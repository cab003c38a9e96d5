#include "cli/control_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/exit_code.hpp"
#include "engine/run/exit_code.hpp"
#include "lab/target/http_fetch.hpp"

namespace gauntlet::cli {
namespace {

using nlohmann::json;

/// The API's answer, or its own error.
base::Expected<json> ask(const std::string& address, const std::string& path, const std::optional<json>& attributes = std::nullopt) {
  lab::HttpFetcher http;
  lab::HttpFetcher::Request request;
  request.url = fmt::format("http://{}{}{}", address.front() == ':' ? "127.0.0.1" : "", address, path);
  if (attributes) {
    request.method = "PATCH";
    request.timeout = std::chrono::minutes(10);  // a pause waits for the iterations that run
    request.post = json{{"data", {{"type", "status"}, {"id", "default"}, {"attributes", *attributes}}}}.dump();
    request.headers = {"Content-Type: application/json"};
  }
  auto page = http.fetch(request);
  if (!page) return tl::unexpected(std::move(page.error()).in("no test answers there; it must run with --address " + address));
  const json answer = json::parse(page->body, nullptr, false);
  if (answer.is_object() && answer.contains("errors") && !answer["errors"].empty()) {
    const json& error = answer["errors"][0];
    return base::fail(base::ErrorKind::failed_precondition, fmt::format("{}: {}", error.value("title", ""), error.value("detail", "")));
  }
  if (page->status != 200 || !answer.is_object() || !answer.contains("data")) {
    return base::fail(base::ErrorKind::unavailable, fmt::format("{} answered {}: it is no k6 REST API", request.url, page->status));
  }
  return answer["data"];
}

/// k6 prints these three as texts.
void print_status(const json& data) {
  const json& status = data["attributes"];
  fmt::print("status: {}\npaused: \"{}\"\nvus: \"{}\"\nvus-max: \"{}\"\nstopped: {}\nrunning: {}\ntainted: {}\n", status["status"].dump(),
             status["paused"].dump(), status["vus"].dump(), status["vus-max"].dump(), status["stopped"].dump(), status["running"].dump(),
             status["tainted"].dump());
}

void print_metrics(const json& data) {
  for (const json& metric : data) {
    const json& attributes = metric["attributes"];
    fmt::print(
        "- name: {}\n  type:\n    type: {}\n    valid: true\n  contains:\n    type: {}\n    valid: true\n  tainted: "
        "\"{}\"\n  sample:\n",
        metric["id"].get<std::string>(), attributes["type"].get<std::string>(), attributes["contains"].get<std::string>(),
        attributes["tainted"].dump());
    for (const auto& [name, value] : attributes["sample"].items()) fmt::print("    {}: {}\n", name, value.dump());
  }
}

}  // namespace

bool is_control_command(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames{"pause", "resume", "scale", "status", "stats"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

int control_command(int argc, char** argv) {
  const std::string name = argv[0];
  CLI::App app(name == "pause"    ? "Hold back a test that has not started, or an externally-controlled one"
               : name == "resume" ? "Go on with a test that waits: one that was run with --paused, or that was paused"
               : name == "scale"  ? "Ask a running test for another number of virtual users"
               : name == "stats"  ? "Print the metrics of a running test"
                                  : "Print the state of a running test",
               "gauntlet " + name);
  app.footer("Exit codes: 0 done; 255 wrong usage, or no test answers there.");
  std::string address = "localhost:6565";
  app.add_option("-a,--address", address,
                 "HOST:PORT that the test was run with, of its REST API (k6's default; here challenge-service listens for gRPC there)")
      ->capture_default_str();
  std::optional<std::int64_t> vus, max_vus;
  if (name == "scale") {
    app.add_option("-u,--vus", vus, "Virtual users that should be active");
    app.add_option("-m,--max", max_vus, "Virtual users that there may be");
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? 0 : static_cast<int>(engine::run::ExitCode::other);
  }
  if (address.empty()) return fail_as_k6("--address needs HOST:PORT");
  if (name == "stats") {
    auto metrics = ask(address, "/v1/metrics");
    if (!metrics) return fail_as_k6(metrics.error().message);
    print_metrics(*metrics);
    return 0;
  }
  std::optional<json> attributes;
  if (name == "pause") attributes = json{{"paused", true}};
  if (name == "resume") attributes = json{{"paused", false}};
  if (name == "scale") {
    if (!vus && !max_vus) return fail_as_k6("Specify either -u/--vus or -m/--max");
    attributes = json::object();
    if (vus) (*attributes)["vus"] = *vus;
    if (max_vus) (*attributes)["vus-max"] = *max_vus;
  }
  auto status = ask(address, "/v1/status", attributes);
  if (!status) return fail_as_k6(status.error().message);
  print_status(*status);
  return 0;
}

}  // namespace gauntlet::cli
