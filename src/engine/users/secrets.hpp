#pragma once
// Secrets that a script asks for by name (`k6/secrets`), from what --secret-source names:
//
//   file=PATH, file=name=a,default,filename=PATH   lines of key=value
//   mock=key=value,key2=value2                     for trying scripts out; name=a and default as above
//
// Whoever hands one out has it hidden in the logs: see Log::hide().
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::engine::users {

/// Does not change once made.
class Secrets {
 public:
  /// By name of the source; the default one is there twice.
  using Sources = std::map<std::string, std::map<std::string, std::string>, std::less<>>;
  Secrets() = default;
  explicit Secrets(Sources sources) : by_name_(std::move(sources)) {}

  /// Reads all sources. Fails on an unknown kind, a line without "=", a missing file, two of one name, two defaults.
  static base::Expected<Secrets> open(const std::vector<std::string>& sources);

  /// Fails when there is no source of that name; "default" is the one marked so, or the only one.
  base::Expected<const std::map<std::string, std::string>*> source(std::string_view name) const;

  const Sources& sources() const { return by_name_; }

 private:
  Sources by_name_;
};

}  // namespace gauntlet::engine::users
