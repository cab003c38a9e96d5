#include "postgres/statement.hpp"

#include <atomic>

namespace gauntlet::postgres {
namespace {

unsigned next_number() {
  static std::atomic<unsigned> next{0};
  return next++;
}

}  // namespace

Statement::Statement(std::string sql, std::initializer_list<Type> parameters)
    : sql_(std::move(sql)), number_(next_number()), name_("s" + std::to_string(number_)) {
  parameter_types_.reserve(parameters.size());
  for (const Type type : parameters) parameter_types_.push_back(static_cast<unsigned>(type));
}

}  // namespace gauntlet::postgres
