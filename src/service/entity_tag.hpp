#pragma once
// Entity tags (RFC 9110 section 8.8.3) of players' lists: a client that polls with If-None-Match is told 304 while
// nothing has changed, which costs the query but not the 181 KB.
#include <optional>
#include <string>
#include <string_view>

#include "challenge/progress.hpp"
#include "service/catalog.hpp"

namespace gauntlet::service {

/// The tag of what `rows` make of the catalog, in quotes; `view` tells different answers apart (all, active, a
/// challenge's id). Nothing where the config has rotating goals: their expiry counts down in every answer.
std::optional<std::string> entity_tag(const Catalog& catalog, challenge::PlayerRows rows, std::string_view view);

/// Whether If-None-Match names this tag (weak comparison; `*` names all).
bool names_tag(std::string_view if_none_match, std::string_view tag);

}  // namespace gauntlet::service
