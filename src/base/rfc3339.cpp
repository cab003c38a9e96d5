#include "base/rfc3339.hpp"

#include "base/text.hpp"

namespace gauntlet::base {
namespace {

/// The number in text[at, at + count), or -1.
int number_at(std::string_view text, std::size_t at, std::size_t count) {
  int number = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (!is_digit(text[i])) return -1;
    number = number * 10 + (text[i] - '0');
  }
  return number;
}

/// Of a timestamp's end ("Z", "+02:00"), east of UTC; nothing when it is no such end.
std::optional<std::chrono::minutes> offset_of(std::string_view zone) {
  if (zone == "Z" || zone == "z") return std::chrono::minutes(0);
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
  const int hours = number_at(zone, 1, 2), minutes = number_at(zone, 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  return std::chrono::minutes((zone[0] == '-' ? -1 : 1) * (hours * 60 + minutes));
}

void put_digits(char* at, unsigned value, int count) {
  for (int i = count - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

std::optional<Rfc3339Time> parse_rfc3339(std::string_view text) {
  constexpr std::size_t kShortest = 20;  // 2026-11-23T14:22:34Z
  if (text.size() < kShortest || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't' && text[10] != ' ') ||
      text[13] != ':' || text[16] != ':')
    return std::nullopt;
  const int year = number_at(text, 0, 4), hour = number_at(text, 11, 2), minute = number_at(text, 14, 2), second = number_at(text, 17, 2);
  const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(number_at(text, 5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number_at(text, 8, 2))));
  if (year < 0 || !date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return std::nullopt;
  Rfc3339Time time;
  std::size_t at = kShortest - 1;
  if (text[at] == '.') {
    const std::size_t begin = ++at;
    for (std::int32_t unit = 100'000'000; at < text.size() && is_digit(text[at]); ++at, unit /= 10)
      time.nanoseconds += unit * (text[at] - '0');
    if (at == begin) return std::nullopt;
  }
  const auto offset = offset_of(text.substr(at));
  if (!offset) return std::nullopt;
  time.second =
      std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) - *offset + std::chrono::seconds(second);
  return time;
}

Rfc3339::Rfc3339(std::chrono::sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  text_ = {'0', '0', '0', '0', '-', '0', '0', '-', '0', '0', 'T', '0', '0', ':', '0', '0', ':', '0', '0', 'Z'};
  put_digits(&text_[0], static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put_digits(&text_[5], static_cast<unsigned>(date.month()), 2);
  put_digits(&text_[8], static_cast<unsigned>(date.day()), 2);
  put_digits(&text_[11], static_cast<unsigned>(clock.hours().count()), 2);
  put_digits(&text_[14], static_cast<unsigned>(clock.minutes().count()), 2);
  put_digits(&text_[17], static_cast<unsigned>(clock.seconds().count()), 2);
}

}  // namespace gauntlet::base
