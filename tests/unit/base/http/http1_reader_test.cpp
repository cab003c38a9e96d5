#include "base/http/http1_reader.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace gauntlet::base::http {
namespace {

using Outcome = Http1Reader::Outcome;
constexpr Http1Reader::Limits kLimits{.max_header_bytes = 4096, .max_body_bytes = 1000};

struct Read {
  Outcome outcome = Outcome::incomplete;
  Request request;
  std::size_t consumed = 0;
  int status = 0;
};

/// Reads `bytes` in pieces of `piece` bytes.
void read_in_pieces(std::string_view bytes, std::size_t piece, Read& read) {
  Http1Reader reader(kLimits);
  while (read.consumed < bytes.size() && read.outcome == Outcome::incomplete) {
    std::size_t consumed = 0;
    read.outcome = reader.read(bytes.substr(read.consumed, piece), read.request, consumed);
    EXPECT_TRUE(read.outcome != Outcome::incomplete || consumed > 0);
    read.consumed += consumed;
    if (read.outcome == Outcome::failed) break;
  }
  read.status = reader.failure_status();
}

TEST(Http1Reader, reads_a_request_the_same_whole_and_byte_by_byte) {
  const std::string text =
      "POST /v1/a%20b?x=1&y=a%2Bb HTTP/1.1\r\nHost: example:8000\r\nX-Mock-User-Id:  user 1 \r\nContent-Length: "
      "5\r\n\r\nhello";
  for (const std::size_t piece : {text.size(), std::size_t{1}, std::size_t{7}}) {
    Read read;
    read_in_pieces(text + "GET / HTTP/1.1\r\n", piece, read);
    ASSERT_EQ(read.outcome, Outcome::complete) << piece;
    EXPECT_EQ(read.consumed, text.size());
    EXPECT_EQ(read.request.method(), "POST");
    EXPECT_EQ(read.request.path(), "/v1/a%20b");
    EXPECT_EQ(read.request.query(), "x=1&y=a%2Bb");
    EXPECT_EQ(read.request.query_value("y"), "a+b");
    EXPECT_EQ(read.request.authority(), "example:8000");
    EXPECT_EQ(read.request.header("x-mock-user-id"), "user 1");
    EXPECT_EQ(read.request.body(), "hello");
  }
}

TEST(Http1Reader, joins_chunks_and_drops_trailers) {
  const std::string text =
      "PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2;name=value\r\nde\r\n0\r\nx-trailer: 1\r\n\r\n";
  for (const std::size_t piece : {text.size(), std::size_t{1}}) {
    Read read;
    read_in_pieces(text, piece, read);
    ASSERT_EQ(read.outcome, Outcome::complete) << read.status;
    EXPECT_EQ(read.consumed, text.size());
    EXPECT_EQ(read.request.body(), "abcde");
    EXPECT_FALSE(read.request.header("x-trailer"));
  }
}

TEST(Http1Reader, goes_on_with_the_next_request_behind_a_chunked_one) {
  Http1Reader reader(kLimits);
  Request request;
  std::size_t consumed = 0;
  const std::string first = "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n00a\r\n0123456789\r\n0 ; x\r\n\r\n";
  ASSERT_EQ(reader.read(first + "GET /b", request, consumed), Outcome::complete);
  EXPECT_EQ(consumed, first.size());
  EXPECT_EQ(request.body(), "0123456789");
  EXPECT_TRUE(reader.keep_alive());
  request.clear();
  ASSERT_EQ(reader.read("\r\n\nGET /b HTTP/1.1\nHost: h\n\n", request, consumed), Outcome::complete);
  EXPECT_EQ(request.target(), "/b");
  EXPECT_EQ(request.body(), "");
}

TEST(Http1Reader, ignores_an_offer_to_upgrade) {
  Read read;
  read_in_pieces(
      "POST /x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: "
      "2\r\n\r\nok",
      1000, read);
  EXPECT_EQ(read.outcome, Outcome::complete);
  EXPECT_EQ(read.request.body(), "ok");
}

TEST(Http1Reader, takes_absolute_targets) {
  Read read;
  read_in_pieces("GET http://other/v1?x=1 HTTP/1.1\r\nHost: h\r\n\r\n", 1000, read);
  EXPECT_EQ(read.request.path(), "/v1");
  EXPECT_EQ(read.request.query(), "x=1");
  EXPECT_EQ(read.request.authority(), "other");
}

struct Refused {
  std::string name;
  std::string text;
  int status;
};

std::vector<Refused> refused() {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
  std::vector<Refused> table{
      {"garbage", "\x16\x03\x01\x02 tls hello\r\n\r\n", 400},
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"version 2.0 without preface", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
      {"version 1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505},
      {"version 0.9", "GET /\r\n\r\n", 505},
      {"fragment in target", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"length and chunks", head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"chunks and length", head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
      {"two lengths", head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400},
      {"two equal lengths", head + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400},
      {"list of lengths", head + "Content-Length: 5, 5\r\n\r\nhello", 400},
      {"signed length", head + "Content-Length: +5\r\n\r\nhello", 400},
      {"negative length", head + "Content-Length: -5\r\n\r\nhello", 400},
      {"hexadecimal length", head + "Content-Length: 0x5\r\n\r\nhello", 400},
      {"overflowing length", head + "Content-Length: 99999999999999999999999\r\n\r\n", 400},
      {"empty length", head + "Content-Length: \r\n\r\n", 400},
      {"unknown coding", head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
      {"coding after chunked", head + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501},
      {"coding before chunked", head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"two codings", head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501},
      {"two codings, one cloaked", head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n\r\n0\r\n\r\n", 501},
      {"quoted coding", head + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501},
      {"vertical tab before coding",
       head + "Transfer-Encoding: \x0b"
              "chunked\r\n\r\n0\r\n\r\n",
       400},
      {"blank before colon", head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
      {"blank before length's colon", head + "Content-Length : 5\r\n\r\nhello", 400},
      {"folded header", head + "X-A: 1\r\n Transfer-Encoding: chunked\r\n\r\n", 400},
      {"header without name", head + ": value\r\n\r\n", 400},
      {"header without colon", head + "nonsense\r\n\r\n", 400},
      {"NUL in a value", head + std::string("X-A: a\0b\r\n\r\n", 11), 400},
      {"carriage return in a value", head + "X-A: a\rContent-Length: 5\r\n\r\n", 400},
      {"HTTP/1.0 with chunks", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"chunk size that is no number", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"chunk size with sign", head + "Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n", 400},
      {"chunk size with 0x", head + "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", 400},
      {"overflowing chunk size", head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400},
      {"chunk longer than its size", head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400},
      {"chunk whose data ends without a line end", head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n", 400},
      {"chunk size whose line ends in CR and another byte", head + "Transfer-Encoding: chunked\r\n\r\n2\rX{}\r\n0\r\n\r\n", 400},
      {"chunk size whose line ends in LF alone", head + "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n", 400},
      {"chunk size with blanks behind it", head + "Transfer-Encoding: chunked\r\n\r\n2 \r\n{}\r\n0\r\n\r\n", 400},
      {"chunk size that is missing", head + "Transfer-Encoding: chunked\r\n\r\n;a\r\n\r\n0\r\n\r\n", 400},
      {"line feed in a chunk's extension", head + "Transfer-Encoding: chunked\r\n\r\n2;a\nb\r\n{}\r\n0\r\n\r\n", 400},
      {"carriage return in a chunk's extension", head + "Transfer-Encoding: chunked\r\n\r\n2;a\rb\r\n{}\r\n0\r\n\r\n", 400},
      {"last chunk that ends in CR and another byte", head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\rX\r\n", 400},
      {"trailers that end in CR and another byte", head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\rX", 400},
      {"trailer that goes on in a second line", head + "Transfer-Encoding: chunked\r\n\r\n0\r\nx: 1\r\n y\r\n\r\n", 400},
      {"head that ends in CR and another byte", "GET / HTTP/1.1\r\nHost: h\r\n\rX", 400},
      {"empty header that ends in CR and another byte", "GET / HTTP/1.1\r\nHost: h\r\nX-A:\rX-B: 1\r\n\r\n", 400},
      {"carriage return alone before the request", "\r\n\rGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"body by length too large", head + "Content-Length: 1001\r\n\r\n", 413},
      {"body by chunks too large", head + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x'), 413},
      {"header value too large", head + "X-A: " + std::string(5000, 'a') + "\r\n\r\n", 431},
      {"header name too large", head + std::string(5000, 'a') + ": 1\r\n\r\n", 431},
      {"target too large", "GET /" + std::string(5000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 431},
      {"endless trailers", head + "Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: " + std::string(5000, 'a') + "\r\n\r\n", 431},
      {"unknown expectation", head + "Expect: miracles\r\nContent-Length: 1\r\n\r\nx", 417},
  };
  std::string padded = head + "Transfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 100; ++i) padded += "1;" + std::string(100, 'a') + "\r\nx\r\n";
  table.push_back({"chunks whose extensions outweigh them", padded, 431});
  std::string many = head;
  for (int i = 0; i < 400; ++i) many += "a:\r\n";
  table.push_back({"many headers", many + "\r\n", 431});
  return table;
}

TEST(Http1Reader, refuses_what_could_be_read_in_two_ways_and_what_is_too_large) {
  for (const Refused& row : refused()) {
    for (const std::size_t piece : {row.text.size(), std::size_t{1}}) {
      Read read;
      read_in_pieces(row.text, piece, read);
      EXPECT_EQ(read.outcome, Outcome::failed) << row.name << " in pieces of " << piece;
      EXPECT_EQ(read.status, row.status) << row.name << " in pieces of " << piece;
    }
  }
}

TEST(Http1Reader, says_when_the_client_waits_for_100_continue) {
  Http1Reader reader(kLimits);
  Request request;
  std::size_t consumed = 0;
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
  EXPECT_EQ(reader.read(head, request, consumed), Outcome::incomplete);
  EXPECT_TRUE(reader.take_expects_continue());
  EXPECT_FALSE(reader.take_expects_continue());
  EXPECT_EQ(reader.read("hello", request, consumed), Outcome::complete);
}

TEST(Http1Reader, does_not_ask_for_a_body_that_is_there_already) {
  Http1Reader reader(kLimits);
  Request request;
  std::size_t consumed = 0;
  EXPECT_EQ(reader.read("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhe", request, consumed),
            Outcome::incomplete);
  EXPECT_FALSE(reader.take_expects_continue());
}

TEST(Http1Reader, knows_whether_the_connection_goes_on) {
  struct Row {
    std::string head;
    bool keep_alive;
  };
  for (const Row& row :
       {Row{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", true}, Row{"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", false},
        Row{"GET / HTTP/1.0\r\n\r\n", false}, Row{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true}}) {
    Http1Reader reader(kLimits);
    Request request;
    std::size_t consumed = 0;
    ASSERT_EQ(reader.read(row.head, request, consumed), Outcome::complete);
    EXPECT_EQ(reader.keep_alive(), row.keep_alive) << row.head;
  }
}

TEST(Http1Reader, reads_damaged_requests_the_same_whole_and_in_pieces) {
  const std::vector<std::string> seeds{
      "POST /v1/c/goals HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhelloGET / HTTP/1.1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nt: 1\r\n\r\nGET /",
      "GET http://h/x?y#z HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n"};
  using namespace std::string_view_literals;
  const std::string_view alphabet = " \t\r\n:;,0159afAFxGPOST/%\0\x7f\xff"sv;
  std::mt19937 random(20261123);
  for (int round = 0; round < 20'000; ++round) {
    std::string text = seeds[random() % seeds.size()];
    for (std::size_t edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0: text[at] = alphabet[random() % alphabet.size()]; break;
        case 1: text.insert(at, 1, alphabet[random() % alphabet.size()]); break;
        default: text.erase(at, 1 + random() % 4);
      }
    }
    Read whole;
    Read pieces;
    read_in_pieces(text, text.size(), whole);
    read_in_pieces(text, 1 + random() % 5, pieces);
    ASSERT_EQ(whole.outcome, pieces.outcome) << testing::PrintToString(text);
    ASSERT_EQ(whole.status, pieces.status) << testing::PrintToString(text);
    if (whole.outcome != Outcome::complete) continue;
    ASSERT_EQ(whole.consumed, pieces.consumed) << testing::PrintToString(text);
    ASSERT_EQ(whole.request.target(), pieces.request.target());
    ASSERT_EQ(whole.request.body(), pieces.request.body());
    ASSERT_EQ(whole.request.header_count(), pieces.request.header_count());
  }
}

}  // namespace
}  // namespace gauntlet::base::http
