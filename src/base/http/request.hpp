#pragma once
// One HTTP request as a handler sees it, from HTTP/1.1 and HTTP/2 alike. Objects are pooled by the listener: their
// memory is reused from request to request, so views into one are valid until its exchange has been released.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gauntlet::base::http {

class Request {
 public:
  struct Header {
    std::string_view name;   // lower case
    std::string_view value;  // without surrounding blanks, otherwise as received
  };

  std::string_view method() const { return view(method_); }        // "GET", as received
  std::string_view target() const { return view(target_); }        // "/v1/x%20y?active_only=true", as received
  std::string_view path() const { return view(path_); }            // "/v1/x%20y", not decoded
  std::string_view query() const { return view(query_); }          // "active_only=true", not decoded, without '?'
  std::string_view authority() const { return view(authority_); }  // Host or :authority
  std::string_view body() const { return body_; }
  bool http2() const { return http2_; }
  /// The caller's address is 127.0.0.0/8 or ::1.
  bool from_loopback() const { return from_loopback_; }

  /// The first header of that (lower-case) name. O(headers).
  std::optional<std::string_view> header(std::string_view lower_case_name) const;
  /// The values of all headers of that name as the one list that they mean (RFC 9110, section 5.3): joined by ", ".
  std::optional<std::string> header_list(std::string_view lower_case_name) const;
  /// How many headers have that name; more than one Authorization, say, is an attack.
  std::size_t header_occurrences(std::string_view lower_case_name) const;
  std::size_t header_count() const { return headers_.size(); }
  Header header_at(std::size_t index) const { return {view(headers_[index].name), view(headers_[index].value)}; }

  /// The decoded value of `{name}` in the route's pattern; valid UTF-8 without NUL (the router has checked).
  /// `name` must be one of the pattern's.
  std::string_view parameter(std::string_view name) const;
  /// The decoded value of the first `name=value` of the query; empty text for `name` alone; nothing when absent.
  /// Where it is not percent-encoded text: as it came.
  std::optional<std::string> query_value(std::string_view name) const;

  // What follows fills a request: for the protocol readers, the router and tests.
  void clear();
  void set_method(std::string_view method) { method_ = store(method); }
  void set_target(std::string_view target);  // also sets path and query
  void set_authority(std::string_view authority) { authority_ = store(authority); }
  void set_http2(bool http2) { http2_ = http2; }
  void set_from_loopback(bool loopback) { from_loopback_ = loopback; }
  /// Lower-cases `name`.
  void add_header(std::string_view name, std::string_view value);
  void add_parameter(std::string_view pattern_name, std::string decoded) { parameters_.push_back({pattern_name, std::move(decoded)}); }
  std::string& mutable_body() { return body_; }

 private:
  struct Slice {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
  };
  struct HeaderSlices {
    Slice name;
    Slice value;
  };
  struct Parameter {
    std::string_view name;  // of the router's pattern
    std::string value;
  };
  std::string_view view(Slice slice) const { return std::string_view(text_).substr(slice.offset, slice.size); }
  Slice store(std::string_view text);

  std::string text_;  // method, target and headers, back to back
  Slice method_, target_, path_, query_, authority_;
  std::vector<HeaderSlices> headers_;
  std::vector<Parameter> parameters_;
  std::string body_;
  bool http2_ = false;
  bool from_loopback_ = false;
};

}  // namespace gauntlet::base::http
