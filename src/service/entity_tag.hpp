#pragma once
// Entity tags (RFC 9110 section 8.8.3) of players' lists: a client that polls with If-None-Match is told 304 while
// nothing has changed, which costs the query but not the 181 KB.
#include <string>
#include <string_view>

#include "challenge/progress.hpp"
#include "service/catalog.hpp"

namespace gauntlet::service {

/// The tag of what `rows` make of the catalog at `now`, in quotes; `view` tells different answers apart (all, active, a
/// challenge's id). Not for answers that ChallengeJson::counts_down() says change every second. A tag is of one
/// coding's bytes (RFC 9110, section 8.8.3.3), so `coding` is in it too.
std::string entity_tag(const Catalog& catalog, challenge::PlayerRows rows, challenge::Instant now, std::string_view view,
                       base::http::Coding coding = base::http::Coding::identity);

/// Whether If-None-Match names this tag (weak comparison; `*` names all).
bool names_tag(std::string_view if_none_match, std::string_view tag);

}  // namespace gauntlet::service
