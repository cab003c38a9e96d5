#include "service/request_log.hpp"

#include "base/duration.hpp"
#include "base/grpc/framing.hpp"
#include "base/http/response.hpp"
#include "base/log.hpp"

namespace gauntlet::service {
namespace {

namespace log = base::log;

/// A failing service must not drown in its own log.
log::Limit failure_limit(100);

void write(bool failed, std::string_view failure, std::string_view success, log::Fields fields) {
  if (failed) {
    log::warn(failure_limit, failure, fields);
  } else {
    log::debug(success, fields);
  }
}

}  // namespace

void log_request(const base::http::Answered& answered) {
  const bool failed = answered.status >= 500;
  if (!failed && !log::enabled(log::Level::debug)) return;
  write(failed, "request failed", "request",
        {{"method", answered.request.method()},
         {"path", answered.request.path()},
         {"status", answered.status},
         {"ms", base::milliseconds_of(answered.elapsed)},
         {"request_id", answered.trace.request_id()},
         {"trace_id", answered.trace.trace_id()}});
}

void log_call(const base::grpc::EndedCall& ended) {
  const bool failed = base::http::status_of(static_cast<base::ErrorKind>(ended.code)) >= 500 && ended.code != 0;
  if (!failed && !log::enabled(log::Level::debug)) return;
  write(failed, "call failed", "call",
        {{"method", ended.method},
         {"code", base::grpc::code_name(ended.code)},
         {"ms", base::milliseconds_of(ended.elapsed)},
         {"request_id", ended.trace.request_id()},
         {"trace_id", ended.trace.trace_id()}});
}

}  // namespace gauntlet::service
