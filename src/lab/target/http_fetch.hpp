#pragma once
// One HTTP request of the lab's own: a page of metrics, a profile, a player's challenges.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/curl.hpp"
#include "base/error.hpp"

namespace gauntlet::lab {

struct FetchedPage {
  int status = 0;
  std::string body;
};

/// Keeps its connection between requests. One thread.
class HttpFetcher {
 public:
  struct Request {
    std::string url;
    std::vector<std::string> headers;  // "X-Mock-User-Id: user-000001"
    std::string post;                  // sent as the body of a POST when not empty
    std::chrono::milliseconds timeout{5000};
    std::string method = {};  // empty: GET, or POST where there is a body
  };
  /// Whatever the status. unavailable with the reason when there is no answer.
  base::Expected<FetchedPage> fetch(const Request& request);
  /// The body of a 200; unavailable names the URL, the status and the start of the answer otherwise.
  base::Expected<std::string> body_of(const Request& request);

 private:
  std::unique_ptr<base::CurlHandle> curl_ = std::make_unique<base::CurlHandle>();
};

}  // namespace gauntlet::lab
