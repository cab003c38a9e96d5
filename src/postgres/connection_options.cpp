#include "postgres/connection_options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

namespace gauntlet::postgres {
namespace {

constexpr std::array<std::string_view, 6> kSslModes{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};

/// A transaction that its owner forgot holds row locks and keeps vacuum from cleaning; the server ends it after this.
constexpr std::string_view kIdleInTransactionTimeout = "60s";

/// Value of libpq's `options`: backslash protects blanks and itself.
std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == ' ' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

}  // namespace

base::Expected<ConnectionOptions> ConnectionOptions::from_settings(const Lookup& lookup) {
  ConnectionOptions options;
  const auto take = [&](const char* name, std::string& into) {
    if (auto value = lookup(name); value && !value->empty()) into = std::move(*value);
  };
  take("DB_HOST", options.host);
  take("DB_NAME", options.database);
  take("DB_USER", options.user);
  take("DB_PASSWORD", options.password);
  take("DB_SSLMODE", options.sslmode);
  if (const auto port = lookup("DB_PORT"); port && !port->empty()) {
    const auto [end, failure] = std::from_chars(port->data(), port->data() + port->size(), options.port);
    if (failure != std::errc() || end != port->data() + port->size() || options.port < 1 || options.port > 65535)
      return base::fail(base::ErrorKind::invalid_argument, "DB_PORT=" + *port + " is not a port: 1 to 65535 is allowed");
  }
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

std::string ConnectionOptions::describe() const { return user + "@" + host + ":" + std::to_string(port) + "/" + database; }

std::vector<std::pair<std::string, std::string>> ConnectionOptions::libpq_parameters() const {
  std::string settings = "-c TimeZone=UTC -c idle_in_transaction_session_timeout=";
  settings.append(kIdleInTransactionTimeout);
  if (statement_timeout.count() > 0) settings.append(" -c statement_timeout=").append(std::to_string(statement_timeout.count()));
  for (const auto& [name, value] : server_settings) settings.append(" -c ").append(name).append("=").append(escaped(value));
  return {
      {"host", host},
      {"port", std::to_string(port)},
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
