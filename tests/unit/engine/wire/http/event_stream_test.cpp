#include "engine/wire/http/event_stream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace gauntlet::engine::wire {
namespace {

using testing::ElementsAre;

/// "type/id: data" of each event, the text given in pieces of `piece` bytes.
std::vector<std::string> events_of(std::string_view text, std::size_t piece = std::string_view::npos) {
  EventStream stream(1024);
  std::vector<std::string> found;
  while (!text.empty()) {
    std::string_view bytes = text.substr(0, piece);
    text.remove_prefix(bytes.size());
    while (stream.next(bytes)) found.push_back(stream.event().type + '/' + stream.event().id + ": " + stream.event().data);
    EXPECT_TRUE(bytes.empty());
  }
  return found;
}

TEST(EventStream, ReadsEventsAsTheStandardSaysHoweverTheyAreCutIntoPieces) {
  constexpr std::string_view kText =
      "\xef\xbb\xbf: a comment\r\n"
      "data: one\n\n"
      "event: add\rid: 7\rdata:two\rdata\rdata:  lines\r\r"
      "data: three\r\n\r\n"
      "event: nothing\n\n"
      "unknown: x\nid\ndata: four\n\n"
      "data: never whole";
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U}) {
    EXPECT_THAT(events_of(kText, piece), ElementsAre("message/: one", "add/7: two\n\n lines", "message/7: three", "message/: four"))
        << piece;
  }
}

TEST(EventStream, TellsWhenToComeBack) {
  EventStream stream(1024);
  std::string_view bytes = "retry: 1500\ndata: x\n\nretry: soon\ndata: y\n\n";
  ASSERT_TRUE(stream.next(bytes));
  EXPECT_EQ(stream.event().retry, std::chrono::milliseconds(1500));
  ASSERT_TRUE(stream.next(bytes));
  EXPECT_EQ(stream.event().retry, std::chrono::milliseconds(1500));
}

TEST(EventStream, AnEventWithoutEndIsTooLarge) {
  for (const std::string_view part : {"data: x\n", "xxxxxxxx"}) {
    EventStream stream(1024);
    for (int i = 0; i < 100 && !stream.is_too_large(); ++i) {
      std::string text;
      for (int each = 0; each < 100; ++each) text += part;
      std::string_view bytes = text;
      EXPECT_FALSE(stream.next(bytes));
    }
    EXPECT_TRUE(stream.is_too_large());
  }
}

}  // namespace
}  // namespace gauntlet::engine::wire
