#include "base/http/trace.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace gauntlet::base::http {
namespace {

TEST(Trace, of_a_request_without_ids_has_new_ones) {
  std::set<std::string, std::less<>> ids;
  for (int i = 0; i < 100; ++i) {
    const Trace trace{Request()};
    EXPECT_TRUE(ids.emplace(trace.request_id()).second);
    EXPECT_TRUE(ids.emplace(trace.trace_id()).second);
    EXPECT_TRUE(ids.emplace(trace.span_id()).second);
    EXPECT_EQ(trace.parent_id(), "");
    EXPECT_FALSE(trace.is_sampled());
  }
}

TEST(Trace, keeps_the_clients_trace_and_flags) {
  for (const auto& [flags, sampled] : {std::pair("01", true), {"00", false}, {"0b", true}, {"fe", false}}) {
    Request request;
    request.add_header("Traceparent", std::string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-") + flags);
    const Trace trace(request);
    EXPECT_EQ(trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
    EXPECT_EQ(trace.parent_id(), "b7ad6b7169203331");
    EXPECT_NE(trace.span_id(), trace.parent_id());
    EXPECT_EQ(trace.is_sampled(), sampled) << flags;
    EXPECT_EQ(trace.traceparent(), "00-0af7651916cd43dd8448eb211c80319c-" + std::string(trace.span_id()) + "-" + flags);
  }
}

}  // namespace
}  // namespace gauntlet::base::http
