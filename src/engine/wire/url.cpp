#include "engine/wire/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "base/percent.hpp"
#include "base/text.hpp"
#include "engine/wire/failure.hpp"

namespace gauntlet::engine::wire {
namespace {

using base::ErrorKind;
using base::Expected;
using base::fail;

enum class Part { host, zone, user_password, path, path_segment, query_component, fragment };

/// Whether a byte must be percent-encoded in this part (RFC 3986 as Go applies it).
bool should_escape(char c, Part part) {
  if (base::is_letter(c) || base::is_digit(c)) return false;
  if (part == Part::host || part == Part::zone) {
    if (std::string_view("!$&'()*+,;=:[]<>\"").find(c) != std::string_view::npos) return false;
  }
  switch (c) {
    case '-':
    case '_':
    case '.':
    case '~': return false;
    case '$':
    case '&':
    case '+':
    case ',':
    case '/':
    case ':':
    case ';':
    case '=':
    case '?':
    case '@':
      switch (part) {
        case Part::path: return c == '?';
        case Part::path_segment: return c == '/' || c == ';' || c == ',' || c == '?';
        case Part::user_password: return c == '@' || c == '/' || c == '?' || c == ':';
        case Part::query_component: return true;
        case Part::fragment: return false;
        default: break;
      }
      break;
    default: break;
  }
  if (part == Part::fragment) return std::string_view("!()*").find(c) == std::string_view::npos;
  return true;
}

std::string escape(std::string_view text, Part part) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == ' ' && part == Part::query_component) {
      out += '+';
    } else if (should_escape(c, part)) {
      base::append_percent_encoded(out, c);
    } else {
      out += c;
    }
  }
  return out;
}

Expected<std::string> unescape(std::string_view text, Part part) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || base::hex_value(text[i + 1]) < 0 || base::hex_value(text[i + 2]) < 0) {
        return fail(ErrorKind::invalid_argument, "invalid URL escape " + go_quote(text.substr(i, 3)));
      }
      const auto byte = static_cast<char>(base::hex_value(text[i + 1]) << 4 | base::hex_value(text[i + 2]));
      // In hosts only non-ASCII bytes may be encoded, and "%25" of an IPv6 zone.
      if (part == Part::host && static_cast<unsigned char>(byte) < 0x80 && text.substr(i, 3) != "%25") {
        return fail(ErrorKind::invalid_argument, "invalid URL escape " + go_quote(text.substr(i, 3)));
      }
      if (part == Part::zone && text.substr(i, 3) != "%25" && byte != ' ' && should_escape(byte, Part::host)) {
        return fail(ErrorKind::invalid_argument, "invalid URL escape " + go_quote(text.substr(i, 3)));
      }
      out += byte;
      i += 2;
    } else if (c == '+' && part == Part::query_component) {
      out += ' ';
    } else {
      if ((part == Part::host || part == Part::zone) && static_cast<unsigned char>(c) < 0x80 && should_escape(c, part)) {
        return fail(ErrorKind::invalid_argument, fmt::format("invalid character {} in host name", go_quote(text.substr(i, 1))));
      }
      out += c;
    }
  }
  return out;
}

/// Whether `text` is a possible encoding of a path or fragment, kept as it was given.
bool is_valid_encoding(std::string_view text, Part part) {
  for (const char c : text) {
    if (std::string_view("!$&'()*+,;=:@[]%").find(c) != std::string_view::npos) continue;
    if (should_escape(c, part)) return false;
  }
  return true;
}

bool valid_optional_port(std::string_view port) {
  if (port.empty()) return true;
  return port[0] == ':' && std::all_of(port.begin() + 1, port.end(), base::is_digit);
}

Expected<std::string> parse_host(std::string_view host) {
  if (host.starts_with('[')) {
    const auto end = host.rfind(']');
    if (end == std::string_view::npos) return fail(ErrorKind::invalid_argument, "missing ']' in host");
    const std::string_view port = host.substr(end + 1);
    if (!valid_optional_port(port)) {
      return fail(ErrorKind::invalid_argument, fmt::format("invalid port {} after host", go_quote(port)));
    }
    const auto zone = host.substr(0, end).find("%25");
    if (zone != std::string_view::npos) {
      auto address = unescape(host.substr(0, zone), Part::host);
      auto name = unescape(host.substr(zone, end - zone), Part::zone);
      auto rest = unescape(host.substr(end), Part::host);
      if (!address) return address;
      if (!name) return name;
      if (!rest) return rest;
      return *address + *name + *rest;
    }
  } else if (const auto colon = host.rfind(':'); colon != std::string_view::npos) {
    const std::string_view port = host.substr(colon);
    if (!valid_optional_port(port)) {
      return fail(ErrorKind::invalid_argument, fmt::format("invalid port {} after host", go_quote(port)));
    }
  }
  return unescape(host, Part::host);
}

/// "user:password@host" into its parts.
Expected<void> parse_authority(std::string_view authority, Url& url) {
  const auto at = authority.rfind('@');
  auto host = TRY(parse_host(at == std::string_view::npos ? authority : authority.substr(at + 1)));
  url.host = std::move(host);
  if (at == std::string_view::npos) return {};
  const std::string_view info = authority.substr(0, at);
  for (const char c : info) {
    if (!base::is_letter(c) && !base::is_digit(c) && std::string_view("-._:~!$&'()*+,;=%@").find(c) == std::string_view::npos) {
      return fail(ErrorKind::invalid_argument, "net/url: invalid userinfo");
    }
  }
  const auto colon = info.find(':');
  auto user = TRY(unescape(info.substr(0, colon), Part::user_password));
  url.user = std::move(user);
  if (colon == std::string_view::npos) return {};
  auto password = TRY(unescape(info.substr(colon + 1), Part::user_password));
  url.password = std::move(password);
  return {};
}

Expected<void> set_path(std::string_view given, Url& url) {
  auto path = unescape(given, Part::path);
  if (!path) return tl::unexpected(std::move(path.error()));
  url.path = std::move(*path);
  if (escape(url.path, Part::path) == given) url.raw_path.clear();
  else url.raw_path = given;
  return {};
}

/// "scheme:rest"; no scheme is no error, a colon at the start is.
Expected<std::string_view> split_scheme(std::string_view text, std::string& scheme) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (base::is_letter(c)) continue;
    if (base::is_digit(c) || c == '+' || c == '-' || c == '.') {
      if (i == 0) return text;
      continue;
    }
    if (c == ':') {
      if (i == 0) return fail(ErrorKind::invalid_argument, "missing protocol scheme");
      scheme = text.substr(0, i);
      std::transform(scheme.begin(), scheme.end(), scheme.begin(), [](char x) { return static_cast<char>(x | 0x20); });
      return text.substr(i + 1);
    }
    return text;
  }
  return text;
}

/// A blank would end the target in a request line.
std::string without_blanks(std::string_view query) {
  std::string out;
  for (const char c : query) {
    if (c == ' ') base::append_percent_encoded(out, c);
    else out += c;
  }
  return out;
}

Expected<Url> parse_without_fragment(std::string_view text) {
  Url url;
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    return fail(ErrorKind::invalid_argument, "net/url: invalid control character in URL");
  }
  if (text == "*") {
    url.path = "*";
    return url;
  }
  auto rest = TRY(split_scheme(text, url.scheme));
  std::string_view remaining = rest;
  const auto question = remaining.find('?');
  if (question != std::string_view::npos) {
    url.force_query = question + 1 == remaining.size();
    url.raw_query = without_blanks(remaining.substr(question + 1));
    remaining = remaining.substr(0, question);
  }
  if (!remaining.starts_with('/')) {
    if (!url.scheme.empty()) {
      url.opaque = remaining;
      return url;
    }
    if (remaining.substr(0, remaining.find('/')).find(':') != std::string_view::npos) {
      return fail(ErrorKind::invalid_argument, "first path segment in URL cannot contain colon");
    }
  }
  if ((!url.scheme.empty() || !remaining.starts_with("///")) && remaining.starts_with("//")) {
    remaining.remove_prefix(2);
    const auto slash = remaining.find('/');
    const std::string_view authority = remaining.substr(0, slash);
    remaining = slash == std::string_view::npos ? std::string_view() : remaining.substr(slash);
    TRY(parse_authority(authority, url));
  }
  TRY(set_path(remaining, url));
  return url;
}

/// Removes dot segments of base + reference path (RFC 3986 section 5.2.4).
std::string resolve_path(std::string_view base_path, std::string_view reference) {
  std::string full;
  if (reference.empty()) {
    full = base_path;
  } else if (reference[0] != '/') {
    full = base_path.substr(0, base_path.rfind('/') + 1);
    full += reference;
  } else {
    full = reference;
  }
  if (full.empty()) return {};
  std::vector<std::string_view> kept;
  std::string_view rest = full;
  std::string_view element;
  bool more = true;
  while (more) {
    const auto slash = rest.find('/');
    element = rest.substr(0, slash);
    more = slash != std::string_view::npos;
    if (more) rest.remove_prefix(slash + 1);
    if (element == ".") continue;
    if (element == "..") {
      // The first element is the empty one before the leading slash.
      if (kept.size() > 1) kept.pop_back();
    } else {
      kept.push_back(element);
    }
  }
  std::string out;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (i > 0) out += '/';
    out += kept[i];
  }
  if (element == "." || element == "..") out += '/';
  if (out.empty() || out[0] != '/') out.insert(0, 1, '/');
  return out;
}

constexpr std::array<bool, 256> plain_target_bytes() {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~$&+,/:;=@")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}
constexpr std::array<bool, 256> kPlainTarget = plain_target_bytes();

}  // namespace

Expected<Url> Url::parse(std::string_view text) {
  const auto describe = [&](base::Error problem) {
    problem.message = fmt::format("parse {}: {}", go_quote(text), problem.message);
    return tl::unexpected(std::move(problem));
  };
  const auto hash = text.find('#');
  auto url = parse_without_fragment(text.substr(0, hash));
  if (!url) return describe(std::move(url.error()));
  if (hash != std::string_view::npos && hash + 1 < text.size()) {
    const std::string_view given = text.substr(hash + 1);
    auto fragment = unescape(given, Part::fragment);
    if (!fragment) return describe(std::move(fragment.error()));
    url->fragment = std::move(*fragment);
    if (escape(url->fragment, Part::fragment) != given) url->raw_fragment = given;
  }
  return url;
}

std::string Url::escaped_path() const {
  if (!raw_path.empty() && is_valid_encoding(raw_path, Part::path)) {
    const auto decoded = unescape(raw_path, Part::path);
    if (decoded && *decoded == path) return raw_path;
  }
  return path == "*" ? "*" : escape(path, Part::path);
}

std::string Url::user_info() const {
  std::string out = escape(user.value_or(""), Part::user_password);
  if (password) out += ':' + escape(*password, Part::user_password);
  return out;
}

std::string Url::text() const {
  std::string out;
  if (!scheme.empty()) out += scheme + ':';
  if (!opaque.empty()) {
    out += opaque;
  } else {
    if (!scheme.empty() || !host.empty() || user) {
      if (!host.empty() || !path.empty() || user) out += "//";
      if (user) out += user_info() + '@';
      out += escape(host, Part::host);
    }
    const std::string encoded = escaped_path();
    if (!encoded.empty() && encoded[0] != '/' && !host.empty()) out += '/';
    if (out.empty() && encoded.substr(0, encoded.find('/')).find(':') != std::string::npos) out += "./";
    out += encoded;
  }
  if (force_query || !raw_query.empty()) out += '?' + raw_query;
  if (!fragment.empty()) {
    out += '#';
    out += !raw_fragment.empty() && is_valid_encoding(raw_fragment, Part::fragment) ? raw_fragment : escape(fragment, Part::fragment);
  }
  return out;
}

std::string Url::request_target() const {
  std::string out = opaque;
  if (out.empty()) {
    out = escaped_path();
    if (out.empty()) out = "/";
  } else if (out.starts_with("//")) {
    out = scheme + ':' + out;
  }
  if (force_query || !raw_query.empty()) out += '?' + raw_query;
  return out;
}

std::string_view Url::hostname() const {
  std::string_view name = host;
  const auto colon = name.rfind(':');
  if (colon != std::string_view::npos && valid_optional_port(name.substr(colon))) name = name.substr(0, colon);
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  return name;
}

std::string_view Url::port_text() const {
  const std::string_view name = host;
  const auto colon = name.rfind(':');
  if (colon == std::string_view::npos || !valid_optional_port(name.substr(colon))) return {};
  return name.substr(colon + 1);
}

Expected<Url> Url::resolve(std::string_view reference_text) const {
  auto parsed = parse(reference_text);
  if (!parsed) return parsed;
  Url reference = std::move(*parsed);
  Url result = reference;
  if (reference.scheme.empty()) result.scheme = scheme;
  if (!reference.scheme.empty() || !reference.host.empty() || reference.user) {
    TRY(set_path(resolve_path(reference.escaped_path(), ""), result));
    return result;
  }
  if (!reference.opaque.empty()) {
    result.user.reset();
    result.password.reset();
    result.host.clear();
    result.path.clear();
    return result;
  }
  if (reference.path.empty() && !reference.force_query && reference.raw_query.empty()) {
    result.raw_query = raw_query;
    if (reference.fragment.empty()) {
      result.fragment = fragment;
      result.raw_fragment = raw_fragment;
    }
  }
  if (reference.path.empty() && !opaque.empty()) {
    result.opaque = opaque;
    result.user.reset();
    result.password.reset();
    result.host.clear();
    result.path.clear();
    return result;
  }
  result.host = host;
  result.user = user;
  result.password = password;
  if (auto done = set_path(resolve_path(escaped_path(), reference.escaped_path()), result); !done) {
    return tl::unexpected(std::move(done.error()));
  }
  return result;
}

std::optional<PlainUrl> scan_plain_url(std::string_view text) {
  PlainUrl url;
  std::size_t start = 0;
  if (text.starts_with("http://")) {
    start = 7;
    url.port = 80;
  } else if (text.starts_with("https://")) {
    start = 8;
    url.port = 443;
    url.tls = true;
  } else {
    return std::nullopt;
  }
  std::size_t i = start;
  std::size_t colon = 0;
  std::uint32_t port = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '/' || c == '?') break;
    if (c == ':') {
      if (colon != 0) return std::nullopt;
      colon = i;
    } else if (colon != 0) {
      if (!base::is_digit(c) || port > 65535) return std::nullopt;
      port = port * 10 + static_cast<std::uint32_t>(c - '0');
    } else if (!base::is_letter(c) && !base::is_digit(c) && c != '.' && c != '-' && c != '_') {
      return std::nullopt;
    }
  }
  const std::size_t host_end = colon != 0 ? colon : i;
  if (host_end == start) return std::nullopt;
  if (colon != 0) {
    if (colon + 1 == i || port > 65535) return std::nullopt;
    url.port = static_cast<std::uint16_t>(port);
  }
  url.authority = text.substr(start, i - start);
  url.host = text.substr(start, host_end - start);
  if (i < text.size() && text[i] == '?') return std::nullopt;
  url.target = text.substr(i);
  bool in_query = false;
  for (const char c : url.target) {
    if (c == '?') {
      in_query = true;
    } else if (in_query) {
      // Queries are sent as they are, short of what ends or breaks the request line.
      if (c == '#' || static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return std::nullopt;
    } else if (!kPlainTarget[static_cast<unsigned char>(c)]) {
      return std::nullopt;
    }
  }
  return url;
}

std::string hide_password(std::string text) {
  for (auto scheme = text.find("://"); scheme != std::string::npos; scheme = text.find("://", scheme + 3)) {
    const auto begin = scheme + 3;
    const auto at = text.substr(0, text.find_first_of("/?#", begin)).rfind('@');
    const auto colon = text.find(':', begin);
    if (at != std::string::npos && colon < at) text.replace(colon + 1, at - colon - 1, "***");
  }
  return text;
}

void append_query_escaped(std::string& out, std::string_view text) { out += escape(text, Part::query_component); }
std::string query_escape(std::string_view text) { return escape(text, Part::query_component); }

}  // namespace gauntlet::engine::wire
