#include "postgres/rights.hpp"

#include "postgres/blocking_connection.hpp"

namespace gauntlet::postgres {

base::Expected<void> grant_rights(const ConnectionOptions& owner, const std::string& role, std::span<const Right> rights) {
  auto connection = TRY(BlockingConnection::connect(owner));
  const auto schema = TRY(connection.run("SELECT quote_ident(current_schema())"));
  // One transaction; the lock makes replicas take turns, which otherwise fail on each other's catalog rows.
  std::string commands = "BEGIN; SELECT pg_advisory_xact_lock(7305808869231650630); GRANT USAGE ON SCHEMA " + schema.rows.at(0).at(0) +
                         " TO " + quoted_name(role) + ";";
  for (const Right& right : rights)
    commands += std::string("GRANT ") + right.privileges + " ON " + right.object + " TO " + quoted_name(role) + ";";
  commands += "COMMIT";
  if (const auto granted = connection.run(commands); !granted) {
    return tl::unexpected(base::Error(granted.error()).in("giving " + role + " its rights as " + owner.user));
  }
  return {};
}

}  // namespace gauntlet::postgres
