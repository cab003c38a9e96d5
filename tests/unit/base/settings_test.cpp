#include "base/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/parse.hpp"

namespace gauntlet::base {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(Settings, give_the_value_or_the_default_where_it_is_unset_or_empty) {
  Settings settings({{"PORT", "8000"}, {"EMPTY", ""}, {"FLAG", "Yes"}, {"WAIT", "1m30s"}, {"BARE", "100"}, {"MODE", "real"}});
  EXPECT_EQ(settings.integer<std::uint16_t>("PORT", 1, {.min = 1}, ""), 8000);
  EXPECT_EQ(settings.text("EMPTY", "fallback", ""), "fallback");
  EXPECT_FALSE(settings.is_set("EMPTY"));
  EXPECT_TRUE(settings.boolean("FLAG", false, ""));
  EXPECT_EQ(settings.duration("WAIT", 1s, 0s, 1h, 1ms, ""), 90s);
  EXPECT_EQ(settings.duration("BARE", 1s, 0s, 1h, 1ms, ""), 100ms);
  EXPECT_EQ(settings.choice("MODE", "mock", {"mock", "real"}, ""), "real");
  EXPECT_TRUE(settings.check());
}

TEST(Settings, name_every_bad_variable_with_its_value_and_what_is_allowed) {
  Settings settings({{"PORT", "70000"},
                     {"COUNT", "12x"},
                     {"FLAG", "maybe"},
                     {"WAIT", "2 weeks"},
                     {"MODE", "Real"},
                     {"RATIO", "1.5"},
                     {"WHERE", "localhost"}});
  EXPECT_EQ(settings.integer<std::uint16_t>("PORT", 8000, {.min = 1}, ""), 8000);
  settings.integer("COUNT", std::int64_t{5}, {.min = 0}, "");
  settings.boolean("FLAG", false, "");
  settings.duration("WAIT", 1s, 10ms, 1h, 1s, "");
  settings.choice("MODE", "mock", {"mock", "real"}, "");
  settings.number("RATIO", 0.5, 0, 1, "");
  EXPECT_EQ(settings.address("WHERE", "0.0.0.0", ""), "0.0.0.0");
  settings.required("AB_NAMESPACE", "the game's namespace");
  settings.reject("MIN", "is larger than MAX");
  const auto checked = settings.check();
  ASSERT_FALSE(checked);
  const std::string& message = checked.error().message;
  for (const char* expected :
       {"PORT: '70000' is not allowed; expected integer 1 to 65535", "COUNT: '12x' is not allowed; expected integer from 0",
        "FLAG: 'maybe' is not allowed; expected true or false", "WAIT: '2 weeks' is not allowed; expected duration 10ms to 1h0m0s",
        "MODE: 'Real' is not allowed; expected one of mock, real", "RATIO: '1.5' is not allowed; expected number 0 to 1",
        "WHERE: 'localhost' is not allowed; expected a numeric address, as 127.0.0.1 or ::",
        "AB_NAMESPACE: is not set, and there is no default (the game's namespace)", "MIN: is larger than MAX"}) {
    EXPECT_THAT(message, HasSubstr(expected));
  }
}

TEST(Settings, list_themselves_without_their_secrets) {
  Settings settings(Environment{{"DB_PASSWORD", "hunter2"}});
  settings.integer<std::uint16_t>("DB_PORT", 5432, {.min = 1}, "port of PostgreSQL");
  EXPECT_EQ(settings.secret("DB_PASSWORD", "", "password of DB_USER"), "hunter2");
  EXPECT_EQ(settings.markdown(),
            "| variable | value | default | what it does |\n|---|---|---|---|\n"
            "| `DB_PORT` | integer 1 to 65535 | `5432` | port of PostgreSQL |\n"
            "| `DB_PASSWORD` | text | (secret) | password of DB_USER |\n");
}

TEST(Durations, are_read_as_go_writes_them) {
  EXPECT_EQ(parse_duration("100ms", 1s), 100ms);
  EXPECT_EQ(parse_duration("1h2m3.5s", 1s), 1h + 2min + 3500ms);
  EXPECT_EQ(parse_duration("250us", 1s), 250us);
  EXPECT_EQ(parse_duration("600", 1s), 600s);
  EXPECT_EQ(parse_duration("0", 1s), 0s);
  for (const char* bad : {"", "s", "1x", "1s2", "1e", "nan", "inf", " 1s"}) EXPECT_FALSE(parse_duration(bad, 1s)) << bad;
}

TEST(Durations, are_written_short_and_read_back_the_same) {
  for (const auto& [text, value] : std::vector<std::pair<std::string, std::chrono::nanoseconds>>{
           {"0s", 0ns}, {"15ns", 15ns}, {"1.5us", 1500ns}, {"250ms", 250ms}, {"1.5s", 1500ms}, {"1m30s", 90s}, {"2h0m0s", 2h}}) {
    EXPECT_EQ(format_duration(value), text);
    EXPECT_EQ(parse_duration(text, 1s), value);
  }
}

TEST(EnvFile, reads_names_quotes_comments_and_export) {
  const auto environment = parse_env(
      "# comment\n\nA=1\nexport B = two words \nC=\"x\\ny \\\"z\\\" # no comment\"  # comment\nD='single $A \\n'\n"
      "E=with#hash # comment\nF=\nG=a=b\r\nA=last\n",
      ".env");
  ASSERT_TRUE(environment);
  EXPECT_EQ(*environment, (Environment{{"A", "last"},
                                       {"B", "two words"},
                                       {"C", "x\ny \"z\" # no comment"},
                                       {"D", "single $A \\n"},
                                       {"E", "with#hash"},
                                       {"F", ""},
                                       {"G", "a=b"}}));
}

TEST(EnvFile, names_file_line_and_reason_of_what_it_cannot_read) {
  const auto message = [](std::string_view text) { return parse_env(text, "the.env").error().message; };
  EXPECT_EQ(message("A=1\nnonsense\n"), "the.env:2: expected NAME=VALUE");
  EXPECT_EQ(message("9A=1"), "the.env:1: '9A' is not a variable name");
  EXPECT_EQ(message("\n\nA=\"open"), "the.env:3: the quote is not closed on this line");
  EXPECT_EQ(message("A='x' y"), "the.env:1: text after the closing quote");
  EXPECT_EQ(read_env_file("/no/such/.env").error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace gauntlet::base
