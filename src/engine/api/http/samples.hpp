#pragma once
// The samples that a script's HTTP request leaves, one set for each round trip, as k6 has them.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/http/state.hpp"
#include "engine/metrics/recorder.hpp"
#include "engine/metrics/tags.hpp"
#include "engine/wire/http/fetch.hpp"

namespace gauntlet::engine::api {

/// "http://user:pass@host/" -> "http://****:****@host/", as k6 writes URLs into tags.
std::string without_credentials(const std::string& url);

/// What a request says about its samples.
class HttpSamples {
 public:
  std::string name;  ///< http.url's, or the tag of the script
  bool has_name = false;
  std::vector<std::pair<std::string, std::string>> tags;  ///< the request's own
  std::shared_ptr<const ExpectedStatuses> expected;       ///< null: whether it failed is not recorded

  /// The virtual user's tags and metadata as they are now count, whatever the script sets until the request is done.
  void keep(metrics::Tags& standing);
  /// Those that were kept, or the standing ones.
  const metrics::Metadata& metadata(const metrics::Tags& standing) const { return saved_ ? metadata_ : standing.metadata(); }
  /// The tags of the round trip's samples, as it stands.
  metrics::TagSet* tag_set(const wire::HttpFetch& fetch, metrics::Recorder& recorder, const metrics::Tags& standing) const;
  /// Records the round trip that is over.
  void record(const wire::HttpFetch& fetch, metrics::Recorder& recorder, const metrics::Tags& standing, metrics::Instant at) const;

 private:
  /// Whether the answer is one that was expected; nothing where nobody says what is.
  std::optional<bool> is_expected(const wire::HttpFetch& fetch) const;

  std::optional<metrics::Tags::Saved> saved_;
  metrics::Metadata metadata_;
};

}  // namespace gauntlet::engine::api
