#include "postgres/connection_options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <iterator>

namespace gauntlet::postgres {
namespace {

constexpr std::array<std::string_view, 6> kSslModes{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};

/// A transaction that its owner forgot holds row locks and keeps vacuum from cleaning; the server ends it after this.
constexpr std::string_view kIdleInTransactionTimeout = "60s";

/// With several servers one that does not answer must not hold up the others.
constexpr std::chrono::milliseconds kConnectTimeoutOfServers{2000};

/// Value of libpq's `options`: backslash protects blanks and itself.
std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == ' ' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts(1);
  for (const char c : list) {
    if (c == ',') parts.emplace_back();
    else parts.back().push_back(c);
  }
  return parts;
}

std::optional<int> parse_port(const std::string& text) {
  int port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failure != std::errc() || end != text.data() + text.size() || port < 1 || port > 65535) return std::nullopt;
  return port;
}

std::string with_commas(const ConnectionOptions& options, const std::function<std::string(const ServerAddress&)>& text) {
  std::string list = text({options.host, options.port});
  for (const ServerAddress& other : options.others) list.append(",").append(text(other));
  return list;
}

}  // namespace

base::Expected<ConnectionOptions> ConnectionOptions::from_settings(const Lookup& lookup) {
  ConnectionOptions options;
  const auto take = [&](const char* name, std::string& into) {
    if (auto value = lookup(name); value && !value->empty()) into = std::move(*value);
  };
  take("DB_NAME", options.database);
  take("DB_USER", options.user);
  take("DB_PASSWORD", options.password);
  take("DB_SSLMODE", options.sslmode);
  std::string hosts = options.hosts(), ports = options.ports();
  take("DB_HOST", hosts);
  take("DB_PORT", ports);
  TRY(options.use_servers(hosts, ports, "DB_HOST", "DB_PORT"));
  if (std::find(kSslModes.begin(), kSslModes.end(), options.sslmode) == kSslModes.end())
    return base::fail(
        base::ErrorKind::invalid_argument,
        "DB_SSLMODE=" + options.sslmode + " is unknown: disable, allow, prefer, require, verify-ca and verify-full are allowed");
  return options;
}

base::Expected<ConnectionOptions> ConnectionOptions::from_environment() {
  return from_settings([](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  });
}

base::Expected<void> ConnectionOptions::use_servers(const std::string& hosts, const std::string& ports, std::string_view hosts_setting,
                                                    std::string_view ports_setting) {
  const auto refuse = [](std::string_view setting, const std::string& value, const std::string& why) {
    return base::fail(base::ErrorKind::invalid_argument, std::string(setting) + "=" + value + " " + why);
  };
  std::vector<ServerAddress> servers;
  for (std::string& name : split(hosts)) servers.push_back({std::move(name), 0});
  std::vector<int> numbers;
  for (const std::string& text : split(ports)) {
    const auto number = parse_port(text);
    if (!number) return refuse(ports_setting, ports, "is not a port: 1 to 65535 is allowed, and a list of them with commas between");
    numbers.push_back(*number);
  }
  if (numbers.size() != 1 && numbers.size() != servers.size())
    return refuse(ports_setting, ports,
                  "has " + std::to_string(numbers.size()) + " ports for the " + std::to_string(servers.size()) + " of " +
                      std::string(hosts_setting) + "=" + hosts + ": one port for all hosts is allowed, or one each");
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (servers.size() > 1 && (servers[i].host.empty() || servers[i].host.find(' ') != std::string::npos))
      return refuse(hosts_setting, hosts, "is no list of hosts: names with commas and without blanks between them are allowed");
    servers[i].port = numbers[numbers.size() == 1 ? 0 : i];
  }
  host = std::move(servers.front().host);
  port = servers.front().port;
  others.assign(std::make_move_iterator(servers.begin() + 1), std::make_move_iterator(servers.end()));
  writable = !others.empty();
  return {};
}

std::string ConnectionOptions::hosts() const {
  return with_commas(*this, [](const ServerAddress& server) { return server.host; });
}

std::string ConnectionOptions::ports() const {
  return with_commas(*this, [](const ServerAddress& server) { return std::to_string(server.port); });
}

std::vector<ConnectionOptions> ConnectionOptions::each_server() const {
  std::vector<ConnectionOptions> each(1 + others.size(), *this);
  if (others.empty()) return each;
  for (std::size_t i = 0; i < each.size(); ++i) {
    if (i > 0) {
      each[i].host = others[i - 1].host;
      each[i].port = others[i - 1].port;
    }
    each[i].others.clear();
    each[i].connect_timeout = std::min(connect_timeout, kConnectTimeoutOfServers);
  }
  return each;
}

std::string ConnectionOptions::server() const { return host + ":" + std::to_string(port); }

std::string ConnectionOptions::describe() const {
  return user + "@" + with_commas(*this, [](const ServerAddress& server) { return server.host + ":" + std::to_string(server.port); }) +
         "/" + database;
}

std::vector<std::pair<std::string, std::string>> ConnectionOptions::libpq_parameters() const {
  std::string settings = "-c TimeZone=UTC -c idle_in_transaction_session_timeout=";
  settings.append(kIdleInTransactionTimeout);
  if (statement_timeout.count() > 0) settings.append(" -c statement_timeout=").append(std::to_string(statement_timeout.count()));
  for (const auto& [name, value] : server_settings) settings.append(" -c ").append(name).append("=").append(escaped(value));
  return {
      {"host", hosts()},
      {"port", ports()},
      {"target_session_attrs", writable ? "read-write" : "any"},
      {"dbname", database},
      {"user", user},
      {"password", password},
      {"sslmode", sslmode},
      {"application_name", application_name},
      {"client_encoding", "UTF8"},
      {"connect_timeout", std::to_string(std::max<std::int64_t>(2, connect_timeout.count() / 1000))},
      {"options", settings},
      // A peer that vanished without a word (power, network) is noticed by the kernel too.
      {"keepalives_idle", "10"},
      {"keepalives_interval", "5"},
      {"keepalives_count", "3"},
      {"tcp_user_timeout", "15000"},
  };
}

}  // namespace gauntlet::postgres
