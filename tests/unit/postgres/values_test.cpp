#include "postgres/values.hpp"

#include <gtest/gtest.h>

#include "postgres/connection_options.hpp"

namespace gauntlet::postgres {
namespace {

std::string hex(std::string_view bytes) {
  std::string out;
  for (const unsigned char byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

TEST(Parameters, writes_numbers_big_endian_and_times_from_2000) {
  Parameters p;
  p.add(true).add(7).add(std::int64_t{-2}).add("ab").add(Timestamp{946'684'800'000'001}).add(Date{10'958}).add_null();
  EXPECT_EQ(hex(p[0]), "01");
  EXPECT_EQ(hex(p[1]), "00000007");
  EXPECT_EQ(hex(p[2]), "fffffffffffffffe");
  EXPECT_EQ(p[3], "ab");
  EXPECT_EQ(hex(p[4]), "0000000000000001");
  EXPECT_EQ(hex(p[5]), "00000001");
  EXPECT_EQ(p[6].data(), nullptr);
}

TEST(Parameters, tells_an_empty_text_from_a_null) {
  Parameters p;
  p.add("").add_null();
  EXPECT_NE(p[0].data(), nullptr);
  EXPECT_EQ(p[1].data(), nullptr);
}

TEST(Parameters, writes_arrays_with_their_header_and_element_lengths) {
  Parameters p;
  p.add_array(std::vector<std::int32_t>{1, 2});
  // one dimension, no nulls, int4; two elements from index 1
  EXPECT_EQ(hex(p[0]),
            "00000001"
            "00000000"
            "00000017"
            "00000002"
            "00000001"
            "00000004"
            "00000001"
            "00000004"
            "00000002");
}

TEST(Parameters, writes_nulls_within_arrays) {
  Parameters p;
  p.add_array(std::vector<std::optional<std::string>>{std::nullopt, "x"});
  EXPECT_EQ(hex(p[0]),
            "00000001"
            "00000001"
            "00000019"
            "00000002"
            "00000001"
            "ffffffff"
            "00000001"
            "78");
}

TEST(Parameters, writes_an_empty_array_without_dimensions) {
  Parameters p;
  p.add_array(std::vector<bool>{});
  EXPECT_EQ(hex(p[0]),
            "00000000"
            "00000000"
            "00000010");
}

TEST(Parameters, can_be_reused_after_clear) {
  Parameters p;
  p.add(1).add(2);
  p.clear();
  p.add("again");
  ASSERT_EQ(p.size(), 1u);
  EXPECT_EQ(p[0], "again");
}

TEST(ConnectionOptions, reads_the_environment_names_of_both_services) {
  const auto options = ConnectionOptions::from_settings([](const std::string& name) -> std::optional<std::string> {
    if (name == "DB_HOST") return "db";
    if (name == "DB_PORT") return "5433";
    if (name == "DB_USER") return "";  // empty keeps the default
    return std::nullopt;
  });
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->describe(), "postgres@db:5433/challenge_db");
}

std::string parameter(const ConnectionOptions& options, const std::string& wanted) {
  for (const auto& [name, value] : options.libpq_parameters())
    if (name == wanted) return value;
  return "";
}

base::Expected<ConnectionOptions> of_servers(const std::string& hosts, const std::string& ports) {
  return ConnectionOptions::from_settings([&](const std::string& name) -> std::optional<std::string> {
    if (name == "DB_HOST") return hosts;
    if (name == "DB_PORT") return ports;
    return std::nullopt;
  });
}

TEST(ConnectionOptions, takes_a_list_of_servers_with_one_port_for_all_or_one_each) {
  const auto each = of_servers("a,b,/run/c", "5433,5434,5435");
  ASSERT_TRUE(each) << each.error().message;
  EXPECT_EQ(each->describe(), "postgres@a:5433,b:5434,/run/c:5435/challenge_db");
  EXPECT_EQ(parameter(*each, "host"), "a,b,/run/c");
  EXPECT_EQ(parameter(*each, "port"), "5433,5434,5435");
  EXPECT_EQ(parameter(*each, "target_session_attrs"), "read-write");
  EXPECT_EQ(of_servers("a,b", "5433")->describe(), "postgres@a:5433,b:5433/challenge_db");
  EXPECT_EQ(of_servers("a,b", "")->describe(), "postgres@a:5432,b:5432/challenge_db");
}

TEST(ConnectionOptions, a_single_server_may_be_one_that_takes_no_writes) {
  const auto single = of_servers("a", "5433");
  EXPECT_TRUE(single->others.empty());
  EXPECT_EQ(parameter(*single, "target_session_attrs"), "any");
  EXPECT_EQ(single->each_server().size(), 1u);
  EXPECT_EQ(single->each_server()[0].connect_timeout, single->connect_timeout);
}

TEST(ConnectionOptions, each_server_of_a_list_is_asked_alone_and_for_a_short_time) {
  const auto each = of_servers("a,b", "1,2")->each_server();
  ASSERT_EQ(each.size(), 2u);
  EXPECT_EQ(each[0].server(), "a:1");
  EXPECT_EQ(each[1].describe(), "postgres@b:2/challenge_db");
  EXPECT_EQ(parameter(each[1], "host"), "b");
  EXPECT_EQ(parameter(each[1], "target_session_attrs"), "read-write");
  EXPECT_LT(each[1].connect_timeout, ConnectionOptions().connect_timeout);
}

TEST(ConnectionOptions, refuses_lists_that_are_none_by_the_name_of_their_setting) {
  for (const auto& [hosts, ports, expected] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"a,b,c", "1,2", "DB_PORT=1,2 has 2 ports for the 3 of DB_HOST=a,b,c"},
           {"a", "1,2", "DB_PORT=1,2 has 2 ports for the 1 of DB_HOST=a"},
           {"a,b", "1,x", "DB_PORT=1,x is not a port"},
           {"a,b", "1,", "DB_PORT=1, is not a port"},
           {"a,,b", "1", "DB_HOST=a,,b is no list of hosts"},
           {"a,", "1", "DB_HOST=a, is no list of hosts"},
           {"a, b", "1", "DB_HOST=a, b is no list of hosts"}}) {
    const auto options = of_servers(hosts, ports);
    ASSERT_FALSE(options) << hosts << " " << ports;
    EXPECT_EQ(options.error().kind, base::ErrorKind::invalid_argument);
    EXPECT_NE(options.error().message.find(expected), std::string::npos) << options.error().message;
  }
}

TEST(ConnectionOptions, refuses_bad_values_by_name_and_value) {
  for (const auto& [name, value, expected] :
       std::vector<std::tuple<std::string, std::string, std::string>>{{"DB_PORT", "abc", "DB_PORT=abc"},
                                                                      {"DB_PORT", "70000", "DB_PORT=70000"},
                                                                      {"DB_PORT", "5433x", "DB_PORT=5433x"},
                                                                      {"DB_SSLMODE", "on", "DB_SSLMODE=on"}}) {
    const auto options =
        ConnectionOptions::from_settings([&](const std::string& asked) { return asked == name ? std::optional(value) : std::nullopt; });
    ASSERT_FALSE(options) << name << "=" << value;
    EXPECT_EQ(options.error().kind, base::ErrorKind::invalid_argument);
    EXPECT_NE(options.error().message.find(expected), std::string::npos) << options.error().message;
  }
}

}  // namespace
}  // namespace gauntlet::postgres
