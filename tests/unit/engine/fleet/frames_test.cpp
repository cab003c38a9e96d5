#include "engine/fleet/frames.hpp"

#include <gtest/gtest.h>

#include <string>

#include "engine/fleet/clock.hpp"
#include "engine/fleet/seat.hpp"

namespace gauntlet::engine::fleet {
namespace {

words::FromAgent note(const std::string& message) {
  words::FromAgent word;
  word.mutable_note()->set_message(message);
  return word;
}

TEST(Frames, come_out_as_they_went_in_however_they_are_cut) {
  const std::string stream =
      "Last login: today\n" + std::string(kGreeting) + framed(note("one")) + framed(note(std::string(70'000, 'x'))) + framed(note(""));
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, stream.size()}) {
    FrameReader reader;
    std::vector<std::size_t> lengths;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.feed(stream.substr(at, piece));
      const auto greeted = reader.greeted();
      ASSERT_TRUE(greeted);
      words::FromAgent word;
      while (*greeted && *reader.next(word)) lengths.push_back(word.note().message().size());
    }
    EXPECT_EQ(lengths, (std::vector<std::size_t>{3, 70'000, 0})) << piece;
    EXPECT_EQ(reader.noise(), "Last login: today\n");
  }
}

TEST(Frames, carry_lines_that_are_no_text) {
  FrameReader reader;
  reader.feed(framed(note("k\xfchn")));
  words::FromAgent word;
  const auto is_whole = reader.next(word);
  ASSERT_TRUE(is_whole && *is_whole);
  EXPECT_EQ(word.note().message(), "k\xfchn");
}

TEST(Frames, refuse_what_is_no_agent_and_what_is_too_long) {
  FrameReader stranger;
  stranger.feed(std::string(kMostBeforeGreeting + 1, 'y'));
  EXPECT_FALSE(stranger.greeted());

  words::FromAgent word;
  FrameReader long_one;
  long_one.feed("\x7f\xff\xff\xff");
  EXPECT_FALSE(long_one.next(word));
  FrameReader nonsense;
  nonsense.feed(std::string("\0\0\0\2\xff\xff", 6));
  EXPECT_FALSE(nonsense.next(word));
}

TEST(ClockOffset, is_that_of_the_fastest_round_trip) {
  ClockOffset clock;
  EXPECT_FALSE(clock.is_known());
  const auto trip = [&](std::int64_t sent, std::int64_t there, std::int64_t back) {
    words::Pong pong;
    pong.set_leader_ns(sent);
    pong.set_agent_ns(there + 1'000'000);  // the agent's clock is ahead by a millisecond
    clock.take(pong, back, 0);
  };
  trip(0, 900, 1000);  // 1,000 ns, most of it on the way there
  trip(2000, 2050, 2100);
  trip(3000, 3300, 9000);
  EXPECT_EQ(clock.round_trip_ns(), 100);
  EXPECT_EQ(clock.error_ns(), 50);
  EXPECT_EQ(clock.agent_ns(5000), 1'005'000);
  EXPECT_EQ(clock.trips(), 3);
}

TEST(Place, runs_what_carries_an_agent) {
  const auto command = [](const char* given) { return place_of_command("a", given, 1).command.back(); };
  EXPECT_EQ(command("ssh lg1"), "ssh lg1 gauntlet agent");
  EXPECT_EQ(command("docker run --rm -i gauntlet"), "docker run --rm -i gauntlet agent");
  EXPECT_EQ(command("kubectl exec -i load-0 -- /usr/bin/gauntlet "), "kubectl exec -i load-0 -- /usr/bin/gauntlet agent");
  EXPECT_EQ(command("ssh lg1 /opt/gauntlet agent"), "ssh lg1 /opt/gauntlet agent");
}

}  // namespace
}  // namespace gauntlet::engine::fleet
