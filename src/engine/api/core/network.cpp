#include "engine/api/core/network.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/parse.hpp"
#include "engine/plan/options.hpp"

namespace gauntlet::engine::api {
namespace {

/// Addresses that one entry of option localIPs may stand for.
constexpr std::size_t kMaxLocalAddresses = 65'536;

base::Expected<wire::DnsOptions> parse_dns(const plan::DnsOptions& given) {
  TRY(plan::check(given));
  wire::DnsOptions dns;
  dns.ttl = given.ttl.value == "inf" ? std::chrono::nanoseconds::max() : *base::parse_duration(given.ttl.value);
  const std::string& select = given.select;
  if (select == "first") dns.select = wire::DnsOptions::Select::first;
  else if (select == "random") dns.select = wire::DnsOptions::Select::random;
  else dns.select = wire::DnsOptions::Select::round_robin;
  const std::string& policy = given.policy;
  if (policy == "preferIPv4") dns.policy = wire::DnsOptions::Policy::prefer_ipv4;
  else if (policy == "preferIPv6") dns.policy = wire::DnsOptions::Policy::prefer_ipv6;
  else if (policy == "onlyIPv4") dns.policy = wire::DnsOptions::Policy::only_ipv4;
  else if (policy == "onlyIPv6") dns.policy = wire::DnsOptions::Policy::only_ipv6;
  else dns.policy = wire::DnsOptions::Policy::any;
  return dns;
}

/// "10.0.0.1", "10.0.0.1-10.0.0.9" or "10.0.0.0/28", divided by commas.
base::Expected<std::vector<wire::Endpoint>> parse_local_ips(std::string_view list) {
  const auto refuse = [&] {
    return base::fail(
        base::ErrorKind::invalid_argument,
        fmt::format(
            "the option localIPs is \"{}\" and should list addresses, ranges and networks, as \"10.0.0.1,10.0.0.4-10.0.0.9,10.1.0.0/24\"",
            list));
  };
  std::vector<wire::Endpoint> out;
  std::string_view rest = list;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    const std::string_view item = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    const auto divider = item.find_first_of("-/");
    wire::Endpoint first;
    if (!wire::Endpoint::parse(item.substr(0, divider), 0, first)) return refuse();
    if (divider == std::string_view::npos) {
      out.push_back(first);
      continue;
    }
    if (first.is_ipv6())
      return base::fail(base::ErrorKind::unimplemented,
                        "the option localIPs has a range of IPv6 addresses, which are not supported: it should name each");
    const auto number = [](const wire::Endpoint& e) { return ntohl(reinterpret_cast<const sockaddr_in*>(&e.address)->sin_addr.s_addr); };
    std::uint32_t low = number(first);
    std::uint32_t high = low;
    if (item[divider] == '-') {
      wire::Endpoint last;
      if (!wire::Endpoint::parse(item.substr(divider + 1), 0, last) || last.is_ipv6()) return refuse();
      high = number(last);
    } else {
      const int bits = std::atoi(std::string(item.substr(divider + 1)).c_str());
      if (bits < 1 || bits > 32) return refuse();
      const std::uint32_t mask = bits == 32 ? 0 : 0xffffffffU >> bits;
      low &= ~mask;
      high = low | mask;
      // The network's own and its broadcast address are nobody's.
      if (bits < 31) {
        ++low;
        --high;
      }
    }
    if (high < low || high - low >= kMaxLocalAddresses) return refuse();
    for (std::uint32_t address = low; address <= high; ++address) {
      wire::Endpoint endpoint = first;
      reinterpret_cast<sockaddr_in*>(&endpoint.address)->sin_addr.s_addr = htonl(address);
      out.push_back(endpoint);
    }
  }
  return out;
}

}  // namespace

base::Expected<void> Network::prepare(const plan::Options& options) {
  const std::lock_guard lock(mutex_);
  if (!is_built_) {
    is_built_ = true;
    if (auto built = build(options); !built) problem_ = std::move(built.error());
  }
  if (!problem_.message.empty()) return tl::unexpected(problem_);
  return {};
}

base::Expected<void> Network::build(const plan::Options& options) {
  auto dns = TRY(parse_dns(options.dns.value));
  resolver_ = std::make_unique<wire::Resolver>(dns);
  const auto wrong = [](std::string message) { return base::fail(base::ErrorKind::invalid_argument, std::move(message)); };
  for (const auto& [host, address] : options.hosts.value) {
    if (wire::Endpoint unused; !wire::parse_address(address, 0, unused)) {
      return wrong(
          fmt::format("the option hosts[\"{}\"] is \"{}\" and should be an address, as \"10.0.0.1\", \"10.0.0.1:8080\" or "
                      "\"[::1]:8080\"",
                      host, address));
    }
    if (auto ok = policy_.hosts.add(host, address); !ok) return tl::unexpected(std::move(ok.error()).in("the option hosts"));
  }
  for (const std::string& pattern : options.block_hostnames.value) {
    if (auto ok = policy_.blocked_hosts.add(pattern); !ok) return tl::unexpected(std::move(ok.error()).in("the option blockHostnames"));
  }
  for (const std::string& range : options.blacklist_ips.value) {
    auto parsed = wire::AddressRange::parse(range);
    if (!parsed) {
      return wrong(fmt::format(
          "the option blacklistIPs has \"{}\" and should have addresses and networks, as \"10.0.0.1\" or \"10.0.0.0/8\"", range));
    }
    policy_.blacklist.push_back(std::move(*parsed));
  }
  auto locals = TRY(parse_local_ips(options.local_ips.value));
  policy_.local_addresses = std::move(locals);
  auto proxies = TRY(wire::ProxyRules::from_environment());
  policy_.proxies = std::move(proxies);

  wire::TlsSettings tls;
  tls.min_version = options.tls_version.value.min;
  tls.max_version = options.tls_version.value.max;
  tls.cipher_suites = options.tls_cipher_suites.value;
  tls.skip_verification = options.insecure_skip_tls_verify.value;
  tls.fetches_issuers = options.tls_aia_fetch.value;
  for (const plan::TlsAuth& auth : options.tls_auth.value) {
    tls.certificates.push_back({auth.certificate, auth.key, auth.password, auth.domains});
  }
  auto context = wire::TlsContext::create(tls);
  if (!context) return wrong("the option " + context.error().message);
  tls_ = std::move(*context);
  if (const std::string& version = options.http_version.value; version == "1.1") {
    http_version_ = wire::HttpVersion::http1;
  } else if (version == "2") {
    http_version_ = wire::HttpVersion::http2;
  } else if (!version.empty()) {
    return wrong(fmt::format("the option httpVersion is \"{}\" and should be \"1.1\" or \"2\"", version));
  }
  if (options.rps.value > 0) request_interval_ = std::chrono::nanoseconds(1'000'000'000 / options.rps.value);
  return {};
}

std::chrono::nanoseconds Network::reserve_request() {
  if (request_interval_.count() == 0) return std::chrono::nanoseconds(0);
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  next_request_ = std::max(next_request_, now);
  const auto wait = next_request_ - now;
  next_request_ += request_interval_;
  return wait;
}

}  // namespace gauntlet::engine::api
