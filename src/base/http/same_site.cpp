#include "base/http/same_site.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <string>

#include "base/text.hpp"

namespace gauntlet::base::http {
namespace {

/// "localhost" of "localhost:5665", "::1" of "[::1]:5665".
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.rfind(':'));
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  return ::inet_pton(AF_INET, host.c_str(), parsed.data()) == 1 || ::inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
}

/// A page of somebody else's has a name, and only this machine's own names are safe from being his.
bool means_this_machine(const std::string& host) {
  if (host == "localhost" || host.ends_with(".localhost") || is_address(host)) return true;
  std::array<char, HOST_NAME_MAX + 1> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 && lower_case(std::string_view(name.data())) == host;
}

bool is_json(std::string_view content_type) {
  return lower_case(trimmed(content_type.substr(0, content_type.find(';')))) == "application/json";
}

}  // namespace

std::optional<Response> refuse_other_site(const Request& request) {
  const std::string authority = lower_case(request.authority());
  if (!authority.empty() && !means_this_machine(std::string(host_of(authority))))
    return error_response(
        403, ErrorKind::permission_denied,
        fmt::format("{} is no name of this machine, so a page of another site may be asking: use localhost or an address", authority));
  if (const auto origin = request.header("origin"); origin && lower_case(*origin) != "http://" + authority)
    return error_response(403, ErrorKind::permission_denied, fmt::format("a page of {} may not ask this server", *origin));
  const auto content_type = request.header("content-type");
  const bool changes = request.method() != "GET" && request.method() != "HEAD" && request.method() != "OPTIONS";
  if (changes && (content_type || !request.body().empty()) && !is_json(content_type.value_or("")))
    return error_response(415, ErrorKind::invalid_argument, "the body must be JSON and say so: content-type: application/json");
  return std::nullopt;
}

}  // namespace gauntlet::base::http
