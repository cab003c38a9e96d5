#pragma once
// What an operator may say of what strangers can make a listener hold and do; both services read the same.
#include "base/http/listener.hpp"

namespace gauntlet::base {
class Settings;
}

namespace gauntlet::base::http {

/// The limits that are settings (CONNECTION_BYTES_MAX and those behind it); the rest of the options is left alone.
void read_limits(Settings& settings, ListenerOptions& options);

}  // namespace gauntlet::base::http
