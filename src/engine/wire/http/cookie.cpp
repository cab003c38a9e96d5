#include "engine/wire/http/cookie.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <ctime>

#include "base/text.hpp"
#include "engine/wire/http_head.hpp"
#include "engine/wire/tcp/stream.hpp"

namespace gauntlet::engine::wire {
namespace {

bool is_value_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7f && c != '"' && c != ';' && c != '\\';
}

/// Takes the quotes off; false when a byte may not be in a cookie's value.
bool take_value(std::string_view& value, bool& is_quoted) {
  if (value.size() > 1 && value.front() == '"' && value.back() == '"') {
    value = value.substr(1, value.size() - 2);
    is_quoted = true;
  }
  return std::all_of(value.begin(), value.end(), is_value_byte);
}

template <class Number>
bool parse_whole(std::string_view text, Number& out) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  return problem == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool is_ip(std::string_view host) {
  Endpoint unused;
  return Endpoint::parse(host, 0, unused);
}

bool is_loopback(std::string_view host) { return host == "localhost" || host == "::1" || (host.starts_with("127.") && is_ip(host)); }

bool has_dot_suffix(std::string_view text, std::string_view suffix) {
  return text.size() > suffix.size() && text.ends_with(suffix) && text[text.size() - suffix.size() - 1] == '.';
}

std::string default_path(std::string_view path) {
  if (!path.starts_with('/')) return "/";
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

}  // namespace

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  // "Mon, 02 Jan 2006 15:04:05 GMT": the zone name carries no offset that Go would know.
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  if (text.size() < 28 || std::find(kDays.begin(), kDays.end(), text.substr(0, 3)) == kDays.end() || text.substr(3, 2) != ", ")
    return std::nullopt;
  const char separator = text[7];
  if ((separator != ' ' && separator != '-') || text[11] != separator || text[16] != ' ' || text[19] != ':' || text[22] != ':' ||
      text[25] != ' ') {
    return std::nullopt;
  }
  const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
  std::tm time{};
  int year = 0;
  if (month == kMonths.end() || !parse_whole(text.substr(5, 2), time.tm_mday) || !parse_whole(text.substr(12, 4), year) ||
      !parse_whole(text.substr(17, 2), time.tm_hour) || !parse_whole(text.substr(20, 2), time.tm_min) ||
      !parse_whole(text.substr(23, 2), time.tm_sec)) {
    return std::nullopt;
  }
  time.tm_mon = static_cast<int>(month - kMonths.begin());
  time.tm_year = year - 1900;
  if (time.tm_mday < 1 || time.tm_mday > 31 || time.tm_hour > 23 || time.tm_min > 59 || time.tm_sec > 59) return std::nullopt;
  return static_cast<std::int64_t>(timegm(&time)) * 1000;
}

std::optional<Cookie> parse_set_cookie(std::string_view header) {
  Cookie cookie;
  const auto semicolon = header.find(';');
  const std::string_view first = base::trimmed(header.substr(0, semicolon));
  const auto equals = first.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const std::string_view name = base::trimmed(first.substr(0, equals));
  std::string_view value = first.substr(equals + 1);
  if (!is_token(name) || !take_value(value, cookie.is_quoted)) return std::nullopt;
  cookie.name = name;
  cookie.value = value;
  std::string_view rest = semicolon == std::string_view::npos ? std::string_view() : header.substr(semicolon + 1);
  while (!rest.empty()) {
    const auto end = rest.find(';');
    const std::string_view part = base::trimmed(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (part.empty()) continue;
    const auto split = part.find('=');
    const std::string attribute = base::lower_case(part.substr(0, split));
    std::string_view given = split == std::string_view::npos ? std::string_view() : part.substr(split + 1);
    bool unused = false;
    if (attribute != "expires" && !take_value(given, unused)) continue;
    if (attribute == "secure") {
      cookie.is_secure = true;
    } else if (attribute == "httponly") {
      cookie.is_http_only = true;
    } else if (attribute == "domain") {
      cookie.domain = given;
    } else if (attribute == "path") {
      cookie.path = given;
    } else if (attribute == "max-age") {
      int seconds = 0;
      if (!parse_whole(given, seconds) || (seconds != 0 && given[0] == '0')) continue;
      cookie.max_age = seconds <= 0 ? -1 : seconds;
    } else if (attribute == "expires") {
      cookie.expires_ms = parse_http_date(given);
    }
  }
  return cookie;
}

void append_cookie(std::string& out, std::string_view name, std::string_view value, bool is_quoted) {
  for (const char c : name) out += c == '\r' || c == '\n' ? '-' : c;
  out += '=';
  std::string clean;
  for (const char c : value) {
    if (is_value_byte(c)) clean += c;
  }
  if (is_quoted || clean.find_first_of(" ,") != std::string::npos) out.append(1, '"').append(clean).append(1, '"');
  else out += clean;
}

bool CookieJar::Entry::goes_to(std::string_view host, std::string_view url_path, bool is_https) const {
  if (cookie.is_secure && !is_https && !is_loopback(host)) return false;
  if (domain != host && (is_host_only || !has_dot_suffix(host, domain))) return false;
  if (!url_path.starts_with(path)) return false;
  return url_path.size() == path.size() || path.ends_with('/') || url_path[path.size()] == '/';
}

std::size_t CookieJar::Entry::bytes() const {
  return cookie.name.size() + cookie.value.size() + cookie.domain.size() + cookie.path.size() + domain.size() + path.size();
}

std::int64_t CookieJar::clock_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void CookieJar::set(const Url& url, const std::vector<Cookie>& cookies, std::int64_t now_ms) {
  if (url.scheme != "http" && url.scheme != "https") return;
  const std::string host = base::lower_case(url.hostname());
  if (host.empty()) return;
  for (const Cookie& cookie : cookies) {
    Entry entry{cookie, host, {}, true, cookie.expires_ms, 0};
    entry.path = cookie.path.starts_with('/') ? cookie.path : default_path(url.path);
    if (!cookie.domain.empty()) {
      std::string domain = base::lower_case(cookie.domain);
      if (is_ip(host)) {
        if (domain != host) continue;
      } else {
        if (domain.starts_with('.')) domain.erase(0, 1);
        if (domain.empty() || domain.starts_with('.') || domain.ends_with('.')) continue;
        if (domain != host && !has_dot_suffix(host, domain)) continue;
        entry.domain = std::move(domain);
        entry.is_host_only = false;
      }
    }
    const auto same = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) {
      return e.cookie.name == cookie.name && e.domain == entry.domain && e.path == entry.path;
    });
    if (cookie.max_age > 0) entry.expires_ms = now_ms + std::int64_t{cookie.max_age} * 1000;
    if (cookie.max_age < 0 || (entry.expires_ms && *entry.expires_ms <= now_ms)) {
      if (same != entries_.end()) entries_.erase(same);
      continue;
    }
    if (same != entries_.end()) {
      entry.created = same->created;
      *same = std::move(entry);
      continue;
    }
    entry.created = next_created_++;
    entries_.push_back(std::move(entry));
  }
  keep_the_latest();
}

void CookieJar::keep_the_latest() {
  std::size_t bytes = 0;
  std::size_t kept = 0;
  while (kept < std::min(entries_.size(), kMaxCookies) && (bytes += entries_[entries_.size() - kept - 1].bytes()) <= kMaxBytes) ++kept;
  entries_.erase(entries_.begin(), entries_.end() - static_cast<std::ptrdiff_t>(kept));
}

std::vector<CookieJar::Sent> CookieJar::cookies_for(const Url& url, std::int64_t now_ms) {
  std::vector<Sent> result;
  if (entries_.empty() || (url.scheme != "http" && url.scheme != "https")) return result;
  const std::string host = base::lower_case(url.hostname());
  const std::string_view path = url.path.empty() ? std::string_view("/") : std::string_view(url.path);
  std::erase_if(entries_, [&](const Entry& e) { return e.expires_ms && *e.expires_ms <= now_ms; });
  std::vector<const Entry*> found;
  for (const Entry& entry : entries_) {
    if (entry.goes_to(host, path, url.scheme == "https")) found.push_back(&entry);
  }
  std::stable_sort(found.begin(), found.end(), [](const Entry* a, const Entry* b) {
    if (a->path.size() != b->path.size()) return a->path.size() > b->path.size();
    return a->created < b->created;
  });
  for (const Entry* entry : found) result.push_back({entry->cookie.name, entry->cookie.value, entry->cookie.is_quoted});
  return result;
}

void CookieJar::remove(const Url& url, std::optional<std::string_view> name, std::int64_t now_ms) {
  const std::string host = base::lower_case(url.hostname());
  const std::string path = url.path.empty() ? "/" : url.path;
  std::erase_if(entries_, [&](const Entry& e) {
    if (e.expires_ms && *e.expires_ms <= now_ms) return true;
    return (!name || e.cookie.name == *name) && e.goes_to(host, path, url.scheme == "https");
  });
}

}  // namespace gauntlet::engine::wire
