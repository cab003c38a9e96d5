#include "lab/stack/probe.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <thread>

#include "lab/process/launch.hpp"

namespace gauntlet::lab {
namespace {

using Kind = ProbeSpec::Kind;
using namespace std::chrono_literals;

TEST(Judge, decides_by_the_first_bytes) {
  struct Case {
    Kind kind;
    const char* received;
    Verdict verdict;
  };
  const Case cases[] = {
      {Kind::http, "", Verdict::undecided},
      {Kind::http, "HTTP/1.1 2", Verdict::undecided},
      {Kind::http, "HTTP/1.1 200 OK\r\n", Verdict::ready},
      {Kind::http, "HTTP/1.0 200 OK\r\n", Verdict::ready},
      {Kind::http, "HTTP/1.1 503 Service Unavailable\r\n", Verdict::not_ready},
      {Kind::http, "SSH-2.0-OpenSSH_9.2", Verdict::not_ready},
      {Kind::redis, "+PO", Verdict::undecided},
      {Kind::redis, "+PONG\r\n", Verdict::ready},
      {Kind::redis, "-NOAUTH Authentication required.\r\n", Verdict::ready},
      {Kind::redis, "-LOADING Redis is loading the dataset in memory\r\n", Verdict::not_ready},
      {Kind::postgres, "", Verdict::undecided},
      {Kind::postgres, "R", Verdict::ready},
      {Kind::postgres, "E", Verdict::not_ready},
  };
  for (const auto& c : cases) EXPECT_EQ(judge(c.kind, c.received), c.verdict) << c.received;
}

TEST(Question, of_postgres_is_a_start_up_packet_of_protocol_3) {
  const std::string packet = question_of({Kind::postgres, 5433, ""});
  EXPECT_EQ(packet, std::string("\0\0\0\x17\0\3\0\0user\0postgres\0\0", 23));
}

/// Answers one connection with fixed bytes.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_.get(), 1);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this, text = std::move(answer)] {
      const Descriptor connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      char request[512];
      ::recv(connection.get(), request, sizeof request, 0);
      ::send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL);
    });
  }
  ~OneAnswer() { thread_.join(); }

  int port = 0;

 private:
  Descriptor listener_;
  std::thread thread_;
};

std::string outcome_of(const ProbeSpec& spec, std::chrono::milliseconds timeout = 10s) {
  base::EventLoop loop;
  std::string outcome = "never called";
  const Probe probe(loop, spec, timeout, [&](const std::string& why_not) {
    outcome = why_not.empty() ? "ready" : why_not;
    loop.stop();
  });
  loop.run();
  return outcome;
}

TEST(Probe, passes_when_the_server_answers_well) {
  const OneAnswer server("HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(outcome_of({Kind::http, server.port, "/healthz"}), "ready");
}

TEST(Probe, tells_what_the_server_answers_otherwise) {
  const OneAnswer server("HTTP/1.1 503 Service Unavailable\r\n\r\n");
  EXPECT_NE(outcome_of({Kind::http, server.port, "/healthz"}).find("503 Service Unavailable"), std::string::npos);
}

TEST(Probe, a_connection_closed_without_an_answer_is_not_ready) {
  const OneAnswer server("");
  EXPECT_NE(outcome_of({Kind::redis, server.port, ""}).find("without an answer"), std::string::npos);
}

TEST(Probe, a_refused_connection_names_the_port) {
  int port = 0;
  {
    const OneAnswer gone("");
    port = gone.port;
    outcome_of({Kind::redis, port, ""});
  }
  EXPECT_EQ(outcome_of({Kind::tcp, port, ""}), "port " + std::to_string(port) + ": Connection refused");
}

TEST(Probe, a_silent_server_times_out) {
  Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  EXPECT_NE(outcome_of({Kind::redis, ntohs(address.sin_port), ""}, 20ms).find("does not answer within 20 ms"), std::string::npos);
}

}  // namespace
}  // namespace gauntlet::lab
