#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <optional>
#include <random>

#include "ags/mock_platform.hpp"
#include "base/event_loop.hpp"
#include "base/http/listener.hpp"
#include "base/signals.hpp"
#include "cli/commands.hpp"
#include "cli/session.hpp"

namespace gauntlet::cli {
namespace {

struct MockFlags {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
  ags::PlatformAddress platform{"", "accelbyte", "", ""};
  std::string faults = "{}";
  std::optional<std::uint64_t> seed;
};

base::Expected<void> serve(const MockFlags& flags) {
  ags::MockFaults faults;
  if (auto read = ags::update_faults(faults, flags.faults); !read) return tl::unexpected(std::move(read.error()).in("--faults"));
  base::block_signals({SIGTERM, SIGINT});
  base::EventLoop loop;
  ags::MockPlatform platform(loop, flags.platform, faults, flags.seed.value_or(std::random_device()()));
  base::http::Router router;
  platform.add_routes(router);
  base::http::ListenerOptions options;
  options.address = flags.address;
  options.port = flags.port;
  options.reuse_port = false;
  base::http::Listener listener(loop, std::move(options), router);
  if (auto listening = listener.listen(); !listening) return listening;
  Session::tell(
      fmt::format("ags-mock is serving at http://{}:{}, namespace {}", flags.address, listener.port(), flags.platform.name_space));
  base::SignalWatch watch(loop, {SIGTERM, SIGINT}, [&](int) { loop.stop(); });
  loop.run();
  return {};
}

}  // namespace

void add_ags_mock_command(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("ags-mock", "Play the AccelByte platform: keys, tokens and grants, with faults on demand")->group(kServicesGroup);
  auto flags = std::make_shared<MockFlags>();
  command->add_option("--address", flags->address, "Address to listen at")->capture_default_str();
  command->add_option("--port", flags->port, "Port; 0: the kernel chooses")->capture_default_str();
  command->add_option("--namespace", flags->platform.name_space, "Namespace of its tokens and of the grants it takes")
      ->capture_default_str();
  auto* id = command->add_option("--client-id", flags->platform.client_id, "The only OAuth client it knows (default: any)");
  command->add_option("--client-secret", flags->platform.client_secret, "That client's secret")->needs(id);
  command->add_option(
      "--faults", flags->faults,
      "JSON: latencyMs [least, most], shares of grants fail (with failStatus), busy (503 with Retry-After), lie (granted but 500), cut, "
      "cutGranted; "
      "honourKeys, keysStatus, tokenStatus, tokenLifeS, next [\"lie\", \"404\", ...]");
  command->add_option("--seed", flags->seed, "Makes the faults' dice repeatable");
  command->footer(
      "Point the services at it with AB_BASE_URL. While it runs:\n"
      "  GET, DELETE /mock/grants  what it has granted, how often it was asked; forget it\n"
      "  GET, PUT /mock/faults     the JSON of --faults; fields left out stay\n"
      "  POST /mock/keys           sign with a new key from now on (?keep=true still shows the old one)\n"
      "  POST /mock/token          sign any token: {\"header\":{},\"claims\":{},\"forge\":\"hs256\"}\n"
      "SIGTERM or Ctrl-C ends it, with exit code 0; what the codes mean: `gauntlet --help`.");
  command->callback([flags, &session] {
    if (auto served = serve(*flags); !served) session.fail(served.error());
  });
}

}  // namespace gauntlet::cli
