#include "challenge/instant.hpp"

namespace gauntlet::challenge {
namespace {

void put_digits(char* at, unsigned value, int count) {
  for (int i = count - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

Rfc3339::Rfc3339(Instant instant) {
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(instant - day));
  text_ = {'0', '0', '0', '0', '-', '0', '0', '-', '0', '0', 'T', '0', '0', ':', '0', '0', ':', '0', '0', 'Z'};
  put_digits(&text_[0], static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put_digits(&text_[5], static_cast<unsigned>(date.month()), 2);
  put_digits(&text_[8], static_cast<unsigned>(date.day()), 2);
  put_digits(&text_[11], static_cast<unsigned>(time.hours().count()), 2);
  put_digits(&text_[14], static_cast<unsigned>(time.minutes().count()), 2);
  put_digits(&text_[17], static_cast<unsigned>(time.seconds().count()), 2);
}

}  // namespace gauntlet::challenge
