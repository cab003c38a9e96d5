#pragma once
// Why an exchange over the network failed, in the three forms a k6 script can see: the number in `error_code`, the
// short text in `error`, and the whole text in the log line and in exceptions.
#include <string>
#include <string_view>

namespace gauntlet::engine::wire {

/// The numbers of k6's documented error_code list. 4xx and 5xx answers are 1000 + status.
namespace error_code {
constexpr int kOther = 1000;
constexpr int kNetwork = 1010;  // an error of the network layer that is not TCP's: a TLS alert
constexpr int kInvalidUrl = 1020;
constexpr int kTimeout = 1050;
constexpr int kDns = 1100;
constexpr int kNoSuchHost = 1101;
constexpr int kBlacklistedIp = 1110;
constexpr int kBlockedHostname = 1111;
constexpr int kTcp = 1200;
constexpr int kBrokenPipe = 1201;
constexpr int kUnknownTcp = 1202;
constexpr int kDial = 1210;
constexpr int kDialTimeout = 1211;
constexpr int kDialRefused = 1212;
constexpr int kUnknownDial = 1213;
constexpr int kReset = 1220;
constexpr int kTls = 1300;
constexpr int kTlsRecord = 1301;
constexpr int kUnknownAuthority = 1310;
constexpr int kWrongHostname = 1311;
constexpr int kHttp2 = 1600;
constexpr int kHttp2GoAway = 1610;
constexpr int kHttp2Stream = 1630;
constexpr int kHttp2Connection = 1650;
constexpr int kDecompression = 1701;
}  // namespace error_code

struct Failure {
  int code = 0;         ///< 0: nothing failed
  std::string message;  ///< what `res.error` and the tag `error` say, such as "dial: connection refused"
  std::string cause;    ///< the whole story for logs, such as "dial tcp 127.0.0.1:1: connect: connection refused"

  explicit operator bool() const { return code != 0; }
};

/// A failure whose short and long texts are the same.
Failure failure(int code, std::string message);

/// The deadline of the whole request passed.
Failure request_timeout();

/// `operation` is "dial", "read" or "write"; `local` and `remote` are "ip:port" as Go prints them (local may be empty).
Failure socket_failure(std::string_view operation, int error_number, std::string_view local, std::string_view remote);

/// The system's text for an errno value, in Go's lower-case spelling: "connection refused".
std::string errno_text(int error_number);

/// `text` in double quotes as Go's %q prints it: printable runes stay, the rest is escaped.
std::string go_quote(std::string_view text);

}  // namespace gauntlet::engine::wire
