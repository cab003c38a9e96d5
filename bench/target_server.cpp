// What the load generators are measured against: a server that answers at once from memory.
//   bench-target [--large FILE]     GET /small: a few bytes; GET /large: FILE, default a made-up list of 500 goals;
//                                   gRPC on the same port: the statistic event's OnMessage, answered with Empty
// Prints "port N" on standard output and serves until it is ended.
#include <fmt/format.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "base/event_loop.hpp"
#include "base/grpc/server.hpp"
#include "base/http/listener.hpp"

namespace {

/// 10 challenges of 50 goals, as challenge-service lists them: about 180 KB.
std::string challenge_list() {
  std::string text = R"({"challenges":[)";
  for (int challenge = 1; challenge <= 10; ++challenge) {
    if (challenge > 1) text += ',';
    text += fmt::format(R"({{"challengeId":"challenge-{0:03}","name":"Challenge {0}","description":"Load test challenge {0}","goals":[)",
                        challenge);
    for (int goal = 1; goal <= 50; ++goal) {
      if (goal > 1) text += ',';
      text += fmt::format(
          R"({{"goalId":"challenge-{0:03}-goal-{1:02}","name":"Goal {1}","description":"Reach {2} of the statistic",)"
          R"("requirement":{{"statCode":"enemy_kills","operator":">=","targetValue":{2}}},)"
          R"("reward":{{"type":"WALLET","rewardId":"GOLD","quantity":{1}}},"prerequisites":[],"progress":0,)"
          R"("status":"not_started","locked":false,"completedAt":"","claimedAt":"","isActive":false,"expiresAt":"","expiresInSeconds":0}})",
          challenge, goal, goal * 10);
    }
    text += "]}";
  }
  return text + "]}";
}

}  // namespace

int main(int argc, char** argv) {
  std::string large = challenge_list();
  if (argc == 3 && std::strcmp(argv[1], "--large") == 0) {
    std::ifstream file(argv[2], std::ios::binary);
    large.assign(std::istreambuf_iterator<char>(file), {});
  } else if (argc != 1) {
    std::fputs("usage: bench-target [--large FILE]\n", stderr);
    return 2;
  }
  namespace http = gauntlet::base::http;
  gauntlet::base::EventLoop loop;
  http::Router router;
  router.get("/small",
             [](http::ExchangePtr exchange) { exchange->respond({.status = 200, .body = http::Body::of_static(R"({"ok":true})")}); });
  router.get("/large", [&large](http::ExchangePtr exchange) { exchange->respond({.status = 200, .body = http::Body::of_static(large)}); });
  gauntlet::base::grpc::Server rpc;
  rpc.unary("/accelbyte.social.statistic.v1.StatisticStatItemUpdatedService/OnMessage",
            [](const gauntlet::base::grpc::CallPtr& call) { call->finish(std::string_view()); });
  http::Listener listener(loop, {.address = "127.0.0.1"}, router, rpc.streams());
  if (const auto listening = listener.listen(); !listening) {
    std::fprintf(stderr, "bench-target: %s\n", listening.error().message.c_str());
    return 1;
  }
  std::printf("port %d\n", listener.port());
  std::fflush(stdout);
  loop.run();
}
