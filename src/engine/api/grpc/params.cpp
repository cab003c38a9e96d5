#include "engine/api/grpc/params.hpp"

#include <fmt/format.h>

#include <cmath>

#include "base/parse.hpp"
#include "base/text.hpp"
#include "engine/api/core/tag_arguments.hpp"
#include "engine/script/value.hpp"
#include "engine/wire/failure.hpp"

namespace gauntlet::engine::api {
namespace {

using script::Value;
using Duration = std::chrono::nanoseconds;

base::Error wrong(std::string text) { return {base::ErrorKind::invalid_argument, std::move(text)}; }
const base::Error kThrown{base::ErrorKind::invalid_argument, ""};

/// A value as k6 shows it in these errors: strings quoted, the rest as text.
std::string shown(const Value& value) {
  const script::Text text(value);
  return value.is_string() ? wire::go_quote(text) : text.str();
}

/// Calls `take(name, value)` for each property of a parameter object; what is no object has none.
template <class Take>
base::Expected<void> for_each_param(JSContext* context, JSValueConst object, Take&& take) {
  if (!JS_IsObject(object)) return {};
  base::Expected<void> result;
  const bool ok = script::for_each_property(context, object, [&](std::string_view name, Value value) {
    result = take(name, value);
    return result.has_value();
  });
  if (!ok) return tl::unexpected(kThrown);
  return result;
}

base::Expected<Duration> take_duration(const Value& value) {
  if (value.is_number()) {
    double milliseconds = 0;
    JS_ToFloat64(value.context(), &milliseconds, value.get());
    return Duration(std::llround(milliseconds * 1e6));
  }
  if (value.is_string()) {
    const script::Text text(value);
    if (const auto parsed = base::parse_duration(text.str())) return *parsed;
    return tl::unexpected(wrong(fmt::format("{} is no duration, as '10s'", wire::go_quote(text))));
  }
  return tl::unexpected(wrong(fmt::format("it should be a number of milliseconds or a duration, as '10s', and is {}", shown(value))));
}

base::Expected<GrpcMetadataList> take_metadata(const Value& value) {
  GrpcMetadataList list;
  if (value.is_nullish()) return list;
  if (!value.is_object()) return tl::unexpected(wrong("must be an object with key-value pairs"));
  auto taken = for_each_param(value.context(), value.get(), [&](std::string_view name, const Value& entry) -> base::Expected<void> {
    std::string lower = base::lower_case(name);
    if (lower.ends_with("-bin")) {
      const auto bytes = script::bytes_of(entry.context(), entry.get());
      if (!bytes) return tl::unexpected(wrong(fmt::format("{} value must be binary", wire::go_quote(name))));
      list.emplace_back(std::move(lower), std::string(bytes->begin(), bytes->end()));
    } else {
      if (!entry.is_string()) return tl::unexpected(wrong(fmt::format("{} value must be a string", wire::go_quote(name))));
      list.emplace_back(std::move(lower), script::Text(entry).str());
    }
    return {};
  });
  if (!taken) return tl::unexpected(std::move(taken.error()));
  return list;
}

base::Expected<std::int64_t> take_size(const Value& value, std::string_view name) {
  double number = 0;
  if (!value.is_number() || JS_ToFloat64(value.context(), &number, value.get()) < 0 || std::trunc(number) != number) {
    return tl::unexpected(wrong(fmt::format("invalid {} value: '{}', it needs to be an integer", name, shown(value))));
  }
  // Written without the closing quote, as k6 has it.
  if (number < 0) return tl::unexpected(wrong(fmt::format("invalid {} value: '{}, it needs to be a positive integer", name, shown(value))));
  return static_cast<std::int64_t>(std::min(number, 0x1p62));
}

base::Expected<bool> take_flag(const Value& value, std::string_view name) {
  if (value.is_bool()) return JS_ToBool(value.context(), value.get()) != 0;
  return tl::unexpected(wrong(fmt::format("invalid {} value: '{}', it needs to be boolean", name, shown(value))));
}

base::Expected<GrpcConnectParams::Tls> take_tls(const Value& value) {
  if (!value.is_object() || value.is_array()) {
    return tl::unexpected(
        wrong(fmt::format("invalid tls value: '{}', expected (optional) keys: cert, key, password, and cacerts", shown(value))));
  }
  GrpcConnectParams::Tls tls;
  const auto text = [](const Value& entry, std::string_view name, std::string& into) -> base::Expected<void> {
    if (entry.is_nullish()) return {};
    if (!entry.is_string())
      return tl::unexpected(wrong(fmt::format("invalid tls {} value: '{}', it needs to be a PEM formatted string", name, shown(entry))));
    into = script::Text(entry).str();
    return {};
  };
  auto taken = for_each_param(value.context(), value.get(), [&](std::string_view name, const Value& entry) -> base::Expected<void> {
    if (name == "cert") return text(entry, name, tls.certificate);
    if (name == "key") return text(entry, name, tls.key);
    if (name == "password") return text(entry, name, tls.password);
    if (name != "cacerts") return {};
    if (!entry.is_array()) return text(entry, name, tls.ca_certificates);
    const std::int64_t length = script::list_length(entry.context(), entry.get());
    for (std::int64_t i = 0; i < length; ++i) {
      std::string one;
      if (auto ok = text(entry.element(static_cast<std::uint32_t>(i)), name, one); !ok) return ok;
      tls.ca_certificates += one + "\n";
    }
    return {};
  });
  if (!taken) return tl::unexpected(std::move(taken.error()));
  return tls;
}

base::Expected<void> take_tags(const Value& value, GrpcCallParams& into) {
  return for_each_param(value.context(), value.get(), [&](std::string_view name, const Value& entry) -> base::Expected<void> {
    std::string text;
    if (!tag_text(entry.context(), entry.get(), text)) {
      return tl::unexpected(wrong(fmt::format(
          "metric tags: invalid value for metric tag '{}': only String, Boolean and Number types are accepted as a metric tag values",
          name)));
    }
    into.tags.emplace_back(name, std::move(text));
    return {};
  });
}

/// Assigns what was taken, or passes on what is wrong, `in` front of it.
template <class T, class U>
base::Expected<void> assign(U& into, base::Expected<T> taken, std::string_view in = {}) {
  if (!taken) {
    if (taken.error().message.empty() || in.empty()) return tl::unexpected(std::move(taken.error()));
    return tl::unexpected(std::move(taken.error()).in(in));
  }
  into = std::move(*taken);
  return {};
}

}  // namespace

std::vector<wire::GrpcMetadata::Entry> GrpcCallParams::metadata_entries() const {
  std::vector<wire::GrpcMetadata::Entry> entries;
  entries.reserve(metadata.size());
  for (const auto& [name, value] : metadata) entries.push_back({name, value});
  return entries;
}

base::Expected<GrpcConnectParams> parse_connect_params(JSContext* context, JSValueConst value) {
  GrpcConnectParams params;
  auto taken = for_each_param(context, value, [&](std::string_view name, const Value& entry) -> base::Expected<void> {
    if (name == "plaintext") return assign(params.plaintext, take_flag(entry, name));
    if (name == "reflect") return assign(params.reflect, take_flag(entry, name));
    if (name == "reflectMetadata") return assign(params.reflect_metadata, take_metadata(entry), "invalid reflectMetadata param");
    if (name == "timeout") return assign(params.timeout, take_duration(entry), "invalid timeout value");
    if (name == "maxReceiveSize") return assign(params.max_receive_bytes, take_size(entry, name));
    if (name == "maxSendSize") return assign(params.max_send_bytes, take_size(entry, name));
    if (name == "authority") {
      if (!entry.is_string())
        return tl::unexpected(wrong(fmt::format("invalid authority value: '{}', it needs to be a string", shown(entry))));
      params.authority = script::Text(entry).str();
      return {};
    }
    if (name == "tls") return assign(params.tls, take_tls(entry));
    return tl::unexpected(wrong(fmt::format("unknown connect param: {}", wire::go_quote(name))));
  });
  if (!taken) return tl::unexpected(std::move(taken.error()));
  return params;
}

base::Expected<void> parse_call_params(JSContext* context, JSValueConst value, GrpcCallParams& into) {
  return for_each_param(context, value, [&](std::string_view name, const Value& entry) -> base::Expected<void> {
    if (name == "metadata") return assign(into.metadata, take_metadata(entry), "invalid metadata param");
    if (name == "tags") return take_tags(entry, into);
    if (name == "timeout") return assign(into.timeout, take_duration(entry), "invalid timeout value");
    if (name == "discardResponseMessage") {
      into.discard_message = JS_ToBool(context, entry.get()) != 0;
      return {};
    }
    return tl::unexpected(wrong(fmt::format("unknown param: {}", wire::go_quote(name))));
  });
}

}  // namespace gauntlet::engine::api
