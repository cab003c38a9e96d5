#pragma once
// A prepared statement: its text and its parameters' types, known to the whole process. Connections prepare it by
// themselves the first time they run it.
#include <initializer_list>
#include <string>
#include <vector>

#include "postgres/values.hpp"

namespace gauntlet::postgres {

/// Make one of each and keep it for the life of the connections that run it (namespace-scope constants do):
///
///   const Statement kGoalsOfPlayer("SELECT goal_id, progress FROM user_goal_progress WHERE user_id = $1", {Type::text});
///
/// One command each; immutable, any thread may use it.
class Statement {
 public:
  Statement(std::string sql, std::initializer_list<Type> parameters);
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  const std::string& sql() const { return sql_; }
  const std::vector<unsigned>& parameter_types() const { return parameter_types_; }
  /// Small, dense, unique in the process.
  unsigned number() const { return number_; }
  /// The server-side name, "s<number>".
  const char* name() const { return name_.c_str(); }

 private:
  std::string sql_;
  std::vector<unsigned> parameter_types_;
  unsigned number_;
  std::string name_;
};

}  // namespace gauntlet::postgres
