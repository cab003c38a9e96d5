#include "lab/stack/ports.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/process/launch.hpp"

namespace gauntlet::lab {
namespace {

/// A listener of this process on a port of the kernel's choice.
std::pair<Descriptor, int> listen_somewhere() {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(socket.get(), 1), 0);
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return {std::move(socket), ntohs(address.sin_port)};
}

TEST(Ports, the_holder_of_a_port_is_named_with_pid_and_command) {
  const auto [socket, port] = listen_somewhere();
  const auto holder = find_port_holder(port);
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->pid, ::getpid());
  EXPECT_NE(holder->command.find("unit_lab"), std::string::npos);
  EXPECT_NE(holder->describe().find(std::to_string(::getpid())), std::string::npos);
}

TEST(Ports, a_free_port_has_no_holder) {
  int port = 0;
  {
    auto [socket, chosen] = listen_somewhere();
    port = chosen;
  }
  EXPECT_FALSE(find_port_holder(port));
}

TEST(Ports, the_usual_ports_are_kept_when_they_are_free) {
  const auto chosen = choose_free_ports({}, [](int) { return true; });
  ASSERT_TRUE(chosen);
  EXPECT_EQ(*chosen, StackPorts{});
}

TEST(Ports, a_taken_port_gives_way_to_the_next_free_one_that_no_other_needs) {
  // 8080 is taken; 8081 would be next, and 6565 pushes into 6566's place.
  const auto chosen = choose_free_ports({}, [](int port) { return port != 8080 && port != 6565; });
  ASSERT_TRUE(chosen);
  std::set<int> distinct;
  for (const auto& [name, port] : named(*chosen)) {
    EXPECT_TRUE(distinct.insert(port).second) << name;
    EXPECT_NE(port, 8080);
    EXPECT_NE(port, 6565);
  }
  EXPECT_EQ(chosen->service_grpc, 6566);
  EXPECT_EQ(chosen->events_grpc, 6567);
  EXPECT_EQ(chosen->http, 8000);
}

TEST(Ports, running_out_of_ports_is_an_error_that_names_the_port) {
  const auto chosen = choose_free_ports({}, [](int port) { return port < 6000; });
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().kind, base::ErrorKind::resource_exhausted);
  EXPECT_NE(chosen.error().message.find("http"), std::string::npos);
}

TEST(Ports, names_lead_back_to_the_ports) {
  StackPorts ports;
  ports.redis = 7777;
  std::map<std::string, int> by_name;
  for (const auto& [name, port] : named(ports)) by_name[name] = port;
  EXPECT_EQ(ports_from(by_name), ports);
  EXPECT_EQ(ports_from({}), StackPorts{});
}

}  // namespace
}  // namespace gauntlet::lab
