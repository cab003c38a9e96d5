#pragma once
// A libcurl handle as all of ours are set up: http and https only, no signals, no round trip for "Expect: 100-continue", and
// the reason of a failure in words. In a header, so that programs that ask nobody need no libcurl.
#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::base {

/// Keeps its connections from one request to the next. One thread at a time.
class CurlHandle {
 public:
  CurlHandle() {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    handle_ = curl_easy_init();
    if (handle_ == nullptr) throw std::bad_alloc();
  }
  ~CurlHandle() {
    curl_easy_cleanup(handle_);
    curl_slist_free_all(headers_);
  }
  CurlHandle(const CurlHandle&) = delete;
  CurlHandle& operator=(const CurlHandle&) = delete;

  /// Begins a request, of which nothing is left from the one before. Headers as lines: "Content-Type: application/json".
  void begin(const std::string& url, const std::vector<std::string>& headers, std::chrono::milliseconds timeout) {
    curl_easy_reset(handle_);  // keeps the connections
    curl_slist_free_all(headers_);
    headers_ = curl_slist_append(nullptr, "Expect:");
    for (const std::string& header : headers) headers_ = curl_slist_append(headers_, header.c_str());
    error_[0] = '\0';
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTPHEADER, headers_);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, error_);
  }
  template <class Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(handle_, option, value);
  }
  /// Sent by POST unless CURLOPT_CUSTOMREQUEST says otherwise. It is not copied.
  void send_body(std::string_view body) {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    set(CURLOPT_POSTFIELDS, body.data());
  }
  /// Waits for the answer: its status, whatever that is, or unavailable with the reason. `body` receives the first `most` bytes of it.
  Expected<int> perform(std::string& body, std::size_t most = std::string::npos) {
    Kept kept{body, most};
    set(CURLOPT_WRITEFUNCTION, &keep);
    set(CURLOPT_WRITEDATA, &kept);
    if (const CURLcode code = curl_easy_perform(handle_); code != CURLE_OK) return fail(ErrorKind::unavailable, reason_of(code));
    return status();
  }

  /// For those who drive it by curl_multi.
  CURL* get() const { return handle_; }
  int status() const {
    long status = 0;
    curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
  }
  std::string reason_of(CURLcode code) const { return error_[0] != '\0' ? error_ : curl_easy_strerror(code); }

 private:
  struct Kept {
    std::string& body;
    std::size_t most;
  };
  static std::size_t keep(char* data, std::size_t size, std::size_t count, void* opaque) {
    const Kept& kept = *static_cast<Kept*>(opaque);
    kept.body.append(data, std::min(size * count, kept.most - std::min(kept.most, kept.body.size())));
    return size * count;
  }

  CURL* handle_ = nullptr;
  curl_slist* headers_ = nullptr;
  char error_[CURL_ERROR_SIZE] = "";
};

}  // namespace gauntlet::base
