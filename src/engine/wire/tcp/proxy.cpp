#include "engine/wire/tcp/proxy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/base64.hpp"
#include "base/text.hpp"
#include "engine/wire/tcp/address_range.hpp"
#include "engine/wire/url.hpp"

namespace gauntlet::engine::wire {
namespace {

base::Expected<std::shared_ptr<const ProxyServer>> parse_server(std::string_view variable, std::string_view text) {
  if (text.empty()) return std::shared_ptr<const ProxyServer>();
  const auto refuse = [&](std::string_view why) {
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("{}: \"{}\" {}; give it as http://[user:password@]host:port or socks5://host:port", variable,
                                  hide_password(std::string(text)), why));
  };
  auto url = Url::parse(text);
  // "proxy.test:3128" is a proxy without a scheme.
  if ((!url || url->host.empty()) && text.find("://") == std::string_view::npos) url = Url::parse(fmt::format("http://{}", text));
  if (!url || url->host.empty()) return refuse("is no URL");
  auto server = std::make_shared<ProxyServer>();
  if (url->scheme == "socks5" || url->scheme == "socks5h") server->kind = ProxyServer::Kind::socks5;
  else if (url->scheme != "http") return refuse("has a scheme that is not supported");
  server->host = url->hostname();
  server->port = server->kind == ProxyServer::Kind::http ? 80 : 1080;
  if (const std::string_view port = url->port_text(); !port.empty()) {
    const auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), server->port);
    if (problem != std::errc() || end != port.data() + port.size()) return refuse("has no valid port");
  }
  if (url->user) {
    server->user = *url->user;
    server->password = url->password.value_or("");
    server->authorization = "Basic " + base::encode_base64(server->user + ':' + server->password);
  }
  return std::shared_ptr<const ProxyServer>(std::move(server));
}

std::string_view variable(const char* upper_name, const char* lower_name) {
  for (const char* name : {upper_name, lower_name}) {
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return value;
  }
  return {};
}

}  // namespace

base::Expected<ProxyRules> ProxyRules::from_environment() {
  // Under CGI anybody can set HTTP_PROXY by sending a header "Proxy".
  const std::string_view http = std::getenv("REQUEST_METHOD") != nullptr ? std::string_view() : variable("HTTP_PROXY", "http_proxy");
  return from_texts(http, variable("HTTPS_PROXY", "https_proxy"), variable("NO_PROXY", "no_proxy"));
}

base::Expected<ProxyRules> ProxyRules::from_texts(std::string_view http_proxy, std::string_view https_proxy, std::string_view no_proxy) {
  ProxyRules rules;
  auto http = TRY(parse_server("HTTP_PROXY", http_proxy));
  auto https = TRY(parse_server("HTTPS_PROXY", https_proxy));
  rules.http_ = std::move(http);
  rules.https_ = std::move(https);
  std::string_view rest = no_proxy;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    std::string_view item = base::trimmed(rest.substr(0, comma), " ");
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    if (item.empty()) continue;
    if (item == "*") {
      rules.never_ = true;
      continue;
    }
    Exception exception;
    if (const auto colon = item.rfind(':'); colon != std::string_view::npos && (item.find(':') == colon || item.find(']') < colon)) {
      const std::string_view port = item.substr(colon + 1);
      const auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), exception.port);
      if (problem == std::errc() && end == port.data() + port.size()) item = item.substr(0, colon);
    }
    if (item.starts_with('[') && item.ends_with(']')) item = item.substr(1, item.size() - 2);
    // "example.com" means the domain and what is under it; ".example.com" and "*.example.com" only what is under it.
    if (item.starts_with("*.")) item.remove_prefix(1);
    exception.is_suffix_only = item.starts_with('.');
    if (exception.is_suffix_only) item.remove_prefix(1);
    exception.text = base::lower_case(item);
    rules.exceptions_.push_back(std::move(exception));
  }
  return rules;
}

bool ProxyRules::is_excepted(std::string_view given_host, std::uint16_t port) const {
  const std::string host = base::lower_case(given_host);
  Endpoint endpoint;
  const bool is_address = Endpoint::parse(host, port, endpoint);
  static const auto kLoopback4 = AddressRange::parse("127.0.0.0/8");
  static const auto kLoopback6 = AddressRange::parse("::1");
  if (never_ || host == "localhost" || (is_address && (kLoopback4->contains(endpoint) || kLoopback6->contains(endpoint)))) return true;
  return std::any_of(exceptions_.begin(), exceptions_.end(), [&](const Exception& exception) {
    if (exception.port != 0 && exception.port != port) return false;
    if (is_address) {
      const auto range = AddressRange::parse(exception.text);
      return range && range->contains(endpoint);
    }
    if (host == exception.text) return !exception.is_suffix_only;
    return host.size() > exception.text.size() && host.ends_with(exception.text) && host[host.size() - exception.text.size() - 1] == '.';
  });
}

const ProxyServer* ProxyRules::find(bool tls, std::string_view host, std::uint16_t port) const {
  const ProxyServer* const server = (tls ? https_ : http_).get();
  return server == nullptr || is_excepted(host, port) ? nullptr : server;
}

}  // namespace gauntlet::engine::wire
