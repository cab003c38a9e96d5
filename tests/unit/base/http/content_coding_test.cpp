#include "base/http/content_coding.hpp"

#include <gtest/gtest.h>

namespace gauntlet::base::http {
namespace {

/// The name; empty for identity.
std::string_view chosen(const char* accept_encoding) {
  Request request;
  if (accept_encoding != nullptr) request.add_header("Accept-Encoding", accept_encoding);
  const Coding coding = accepted_coding(request, {Coding::gzip, Coding::zstd});
  return coding == Coding::identity ? std::string_view() : to_string(coding);
}

TEST(ContentCoding, is_what_the_client_values_highest_and_ours_among_equals) {
  EXPECT_EQ(chosen(nullptr), "");
  EXPECT_EQ(chosen(""), "");
  EXPECT_EQ(chosen("gzip"), "gzip");
  EXPECT_EQ(chosen("gzip, deflate, br, zstd"), "gzip");
  EXPECT_EQ(chosen("zstd;q=1.0, gzip;q=0.8"), "zstd");
  EXPECT_EQ(chosen("zstd"), "zstd");
  EXPECT_EQ(chosen("GZip ; Q=0.5"), "gzip");
  EXPECT_EQ(chosen("x-gzip"), "gzip");
  EXPECT_EQ(chosen("*"), "gzip");
  EXPECT_EQ(chosen("*;q=0.1, zstd;q=0.15"), "zstd");
  EXPECT_EQ(chosen("br, deflate"), "");
}

TEST(ContentCoding, is_none_where_the_client_refuses_it_or_prefers_the_plain_text) {
  EXPECT_EQ(chosen("gzip;q=0"), "");
  EXPECT_EQ(chosen("gzip;q=0.000, zstd;q=0"), "");
  EXPECT_EQ(chosen("*;q=0"), "");
  EXPECT_EQ(chosen("gzip;q=0, *"), "zstd");
  EXPECT_EQ(chosen("identity"), "");
  EXPECT_EQ(chosen("identity;q=1, gzip;q=0.5"), "");
  EXPECT_EQ(chosen("identity;q=0.5, gzip;q=1"), "gzip");
  EXPECT_EQ(chosen("gzip, identity"), "gzip");
}

TEST(ContentCoding, is_chosen_among_all_lines_of_the_header) {
  Request request;
  request.add_header("Accept-Encoding", "identity");
  request.add_header("accept", "*/*");
  request.add_header("accept-encoding", "gzip;q=0.5");
  request.add_header("Accept-Encoding", "zstd");
  EXPECT_EQ(accepted_coding(request, {Coding::gzip, Coding::zstd}), Coding::zstd);
}

}  // namespace
}  // namespace gauntlet::base::http
