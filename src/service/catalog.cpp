#include "service/catalog.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "challenge/config_parser.hpp"

namespace gauntlet::service {
namespace {

/// FNV-1a, 64 bits.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char character : text) hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001b3;
  return hash;
}

}  // namespace

base::Expected<CatalogPtr> load_catalog(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) {
    return base::fail(base::ErrorKind::not_found, "cannot read the challenge config " + path + ": " +
                                                      std::strerror(errno) +
                                                      " (CHALLENGE_CONFIG_PATH says where it is)");
  }
  auto config = challenge::parse_config(text);
  if (!config) {
    return base::fail(base::ErrorKind::invalid_argument,
                      "the challenge config " + path + " has " + std::to_string(config.error().size()) +
                          (config.error().size() == 1 ? " problem:\n" : " problems:\n") + describe(config.error()));
  }
  return std::make_shared<const Catalog>(std::move(*config), hash_of(text));
}

}  // namespace gauntlet::service
