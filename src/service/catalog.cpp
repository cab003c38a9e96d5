#include "service/catalog.hpp"

#include "base/whole_file.hpp"
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
  auto text = base::read_file(path);
  if (!text) {
    text.error().message += " (CHALLENGE_CONFIG_PATH says where the challenge config is)";
    return tl::unexpected(std::move(text.error()));
  }
  auto config = challenge::parse_config(*text);
  if (!config) {
    return base::fail(base::ErrorKind::invalid_argument, "the challenge config " + path + " has " + std::to_string(config.error().size()) +
                                                             (config.error().size() == 1 ? " problem:\n" : " problems:\n") +
                                                             describe(config.error()));
  }
  return std::make_shared<const Catalog>(std::move(*config), hash_of(*text));
}

}  // namespace gauntlet::service
