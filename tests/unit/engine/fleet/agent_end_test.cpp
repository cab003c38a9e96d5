#include "engine/fleet/agent_end.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

namespace gauntlet::engine::fleet {
namespace {

TEST(AgentEnd, tells_a_leader_whose_words_take_their_time_that_they_come_in) {
  std::array<int, 2> to_agent{}, from_agent{};
  ASSERT_EQ(pipe2(to_agent.data(), O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(from_agent.data(), O_CLOEXEC), 0);
  words::ToAgent part;
  part.mutable_archive_part()->set_bytes(std::string(100, 'x'));
  const std::string frame = framed(part);
  {
    AgentEnd end(to_agent[0], from_agent[1]);
    ASSERT_EQ(write(to_agent[1], frame.data(), 10), 10);
    std::this_thread::sleep_for(AgentEnd::kMostQuiet);
    ASSERT_EQ(write(to_agent[1], frame.data() + 10, 10), 10);
    FrameReader frames;
    words::FromAgent word;
    bool is_whole = false;
    while (!is_whole) {
      std::array<char, 256> bytes{};
      const ssize_t got = read(from_agent[0], bytes.data(), bytes.size());
      ASSERT_GT(got, 0);
      frames.feed({bytes.data(), static_cast<std::size_t>(got)});
      is_whole = *frames.greeted() && *frames.next(word);
    }
    EXPECT_TRUE(word.has_reading());
  }
  for (const int fd : {to_agent[0], to_agent[1], from_agent[0], from_agent[1]}) close(fd);
}

}  // namespace
}  // namespace gauntlet::engine::fleet
