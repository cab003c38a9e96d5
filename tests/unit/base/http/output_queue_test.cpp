#include "base/http/output_queue.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

namespace gauntlet::base::http {
namespace {

TEST(Body, is_the_pieces_in_order_and_survives_moves) {
  const std::string fragment(1000, 'f');
  Body body;
  body.append_copy("<");
  body.append_copy("a>");
  body.append_view(fragment);
  body.append_copy(std::string(100, 'c'));
  Body moved = std::move(body);
  EXPECT_EQ(moved.piece_count(), 3u);
  EXPECT_EQ(moved.size(), 1103u);
  EXPECT_EQ(moved.text(), "<a>" + fragment + std::string(100, 'c'));
  EXPECT_EQ(Body("short").text(), "short");
  Body grown(std::string("owned "));
  grown.append_copy("and more");
  EXPECT_EQ(grown.text(), "owned and more");
}

TEST(OutputQueue, writes_everything_in_order_however_little_the_socket_takes) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  const int small = 4096;
  setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  OutputQueue queue;
  std::string expected;
  const std::string fragment(3000, 'F');
  auto keepalive = std::make_shared<int>(1);
  const std::weak_ptr<int> alive = keepalive;
  for (int i = 0; i < 400; ++i) {
    const std::string head = "head " + std::to_string(i) + ";";
    queue.append(head);
    Body body;
    body.append_copy("{");
    body.append_view(fragment);
    body.append_copy(std::string(static_cast<std::size_t>(i), 'c'));
    body.keep(keepalive);
    expected += head + body.text();
    queue.append_body(std::move(body));
  }
  keepalive.reset();
  EXPECT_EQ(queue.size(), expected.size());
  std::string received;
  std::array<char, 10'000> bytes{};
  OutputQueue::Written written = OutputQueue::Written::some;
  while (written == OutputQueue::Written::some) {
    written = queue.write_to(ends[0]);
    EXPECT_EQ(alive.expired(), written == OutputQueue::Written::all);
    for (ssize_t got = 0; (got = read(ends[1], bytes.data(), bytes.size())) > 0;)
      received.append(bytes.data(), static_cast<std::size_t>(got));
  }
  EXPECT_EQ(written, OutputQueue::Written::all);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(received, expected);
  close(ends[1]);
  queue.append("x");
  EXPECT_EQ(queue.write_to(ends[0]), OutputQueue::Written::failed);
  close(ends[0]);
}

}  // namespace
}  // namespace gauntlet::base::http
