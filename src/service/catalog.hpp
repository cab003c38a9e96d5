#pragma once
// Everything that is made once from one challenges.json. What it says never changes: requests that began on one keep it until their
// answer is sent, while a reload puts the next in place.
#include <memory>
#include <stop_token>
#include <string>

#include "base/error.hpp"
#include "challenge/config.hpp"
#include "service/challenge_json.hpp"

namespace gauntlet::service {

struct Catalog {
  /// `a_version` tells configs apart, the same in every replica: a hash of the file.
  Catalog(challenge::Config parsed, std::uint64_t a_version) : config(std::move(parsed)), json(config), version(a_version) {}

  /// See ChallengeJson::compress_ahead().
  void compress_ahead(const std::stop_token& stop) const { json.compress_ahead(config, stop); }

  challenge::Config config;
  ChallengeJson json;
  std::uint64_t version;
};

/// Shared, because responses in flight refer to the catalog they were made from and end in any order.
using CatalogPtr = std::shared_ptr<const Catalog>;

/// Reads and checks the file; the error names it and lists every problem, one a line.
base::Expected<CatalogPtr> load_catalog(const std::string& path);

}  // namespace gauntlet::service
