#include "engine/api/http/body.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <vector>

#include "base/hex.hpp"
#include "engine/api/data/fs.hpp"
#include "engine/script/binding.hpp"
#include "engine/script/value.hpp"
#include "engine/users/test_state.hpp"
#include "engine/users/vu_context.hpp"
#include "engine/wire/url.hpp"

namespace gauntlet::engine::api {
namespace {

using script::Value;

constexpr int kMaxDepth = 32;  // of objects in form fields

std::string unix_nanoseconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

std::string boundary() {
  std::string bytes(30, '\0');
  RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  return base::to_hex(bytes);
}

/// In Content-Disposition: quotes and backslashes are escaped, line breaks percent-encoded.
std::string quote_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

/// What a File of k6/experimental/fs would read next, to its end.
wire::SharedBytes shared_bytes(const OpenFile& file, std::size_t at) { return {at, file.bytes, file.rest()}; }

void append_part(RequestBody& body, std::string_view edge, std::string_view name, const FilePart* file, std::string_view text) {
  std::string& out = body.bytes;
  out.append("--").append(edge).append("\r\nContent-Disposition: form-data; name=\"").append(quote_name(name)).append(1, '"');
  if (file != nullptr) {
    out.append("; filename=\"").append(quote_name(file->file_name)).append("\"\r\nContent-Type: ").append(file->content_type);
  }
  out.append("\r\n\r\n").append(file != nullptr ? std::string_view(file->data) : text);
  if (file != nullptr && file->shared.owner) body.files.push_back({out.size(), file->shared.owner, file->shared.bytes});
  out.append("\r\n");
}

/// A value inside of a field: "<nil>" for none, "map[a:1]" for an object, "[1 2]" for a list.
std::string nested_text(JSContext* context, JSValueConst value, int depth = 0) {
  if (JS_IsUndefined(value) || JS_IsNull(value) || depth > kMaxDepth) return "<nil>";
  if (const FilePart* file = script::Class<FilePart>::of(value)) return file->shared.owner ? std::string(file->shared.bytes) : file->data;
  if (JS_IsArray(value)) {
    std::string out = "[";
    const std::int64_t length = script::list_length(context, value);
    for (std::int64_t i = 0; i < length; ++i) {
      const Value item(context, JS_GetPropertyInt64(context, value, i));
      out += (i > 0 ? " " : "") + nested_text(context, item.get(), depth + 1);
    }
    return out + ']';
  }
  if (script::is_plain_object(context, value)) {
    std::map<std::string, std::string> entries;
    script::for_each_property(context, value, [&](std::string_view key, Value item) {
      entries[std::string(key)] = nested_text(context, item.get(), depth + 1);
      return true;
    });
    std::string out = "map[";
    for (const auto& [key, text] : entries) out += (out.size() > 4 ? " " : "") + key + ':' + text;
    return out + ']';
  }
  return script::Text(context, value).str();
}

/// A field of a form as k6 2 sends it. k6 1 wrote "<nil>" for nothing and did not warn of objects.
std::string form_text(JSContext* context, std::string_view key, JSValueConst value) {
  const users::VuContext& vu = users::vu_of(context);
  if (!vu.test().metrics.strict_k6()) {
    if (JS_IsUndefined(value) || JS_IsNull(value)) return "";
    if (script::Class<FilePart>::of(value) == nullptr && script::is_plain_object(context, value)) {
      vu.warn(fmt::format(
          "the form field {} is an object, which a form cannot hold: send JSON.stringify(...) of it, or its parts as fields", key));
    }
  }
  return nested_text(context, value);
}

}  // namespace

void define_file_part(JSContext* context) { script::Class<FilePart>::define(context, "Object", {}); }

JSValue new_file_part(JSContext* context, JSValueConst data, JSValueConst file_name, JSValueConst content_type) {
  auto bytes = script::bytes_or_text(context, data);
  if (!bytes && open_file_of(data) == nullptr) {
    return script::throw_error(context, fmt::format("http.file() takes a text, an ArrayBuffer or a File of k6/experimental/fs, not {}",
                                                    script::kind_of(context, data)));
  }
  const auto text_or = [&](JSValueConst value, std::string fallback) {
    return JS_IsUndefined(value) || JS_IsNull(value) ? std::move(fallback) : script::Text(context, value).str();
  };
  auto part = std::make_unique<FilePart>();
  if (bytes) part->data = std::move(*bytes);
  part->file_name = text_or(file_name, bytes ? unix_nanoseconds() : std::filesystem::path(open_file_of(data)->path).filename().string());
  part->content_type = text_or(content_type, "application/octet-stream");
  if (!bytes) part->shared = shared_bytes(*open_file_of(data), 0);
  const FilePart& made = *part;
  Value object(context, script::Class<FilePart>::create(context, std::move(part)));
  if (object.is_exception()) return JS_EXCEPTION;
  object.set("data", Value::copy(context, data));
  object.set("filename", made.file_name);
  object.set("content_type", made.content_type);
  return object.release();
}

std::optional<RequestBody> request_body(JSContext* context, JSValueConst body, std::string& problem) {
  RequestBody result;
  if (auto bytes = script::bytes_or_text(context, body)) {
    result.bytes = std::move(*bytes);
    return result;
  }
  if (const OpenFile* const file = open_file_of(body)) {
    result.files.push_back(shared_bytes(*file, 0));
    return result;
  }
  if (!script::is_plain_object(context, body)) {
    problem = fmt::format("a request body is a text, an ArrayBuffer, a File or an object, not {}", script::kind_of(context, body));
    return result;
  }
  // Forms: keys in alphabetical order, lists repeat theirs.
  std::vector<std::pair<std::string, Value>> entries;
  bool has_files = false;
  const bool walked = script::for_each_property(context, body, [&](std::string_view key, Value value) {
    const auto look = [&](JSValueConst item) { has_files = has_files || script::Class<FilePart>::of(item) != nullptr; };
    look(value.get());
    if (value.is_array()) {
      const std::int64_t length = script::list_length(context, value.get());
      if (length == script::kMaxListLength) problem = fmt::format("a list in a request body can have at most {} elements", length - 1);
      if (!problem.empty()) return false;
      for (std::int64_t i = 0; i < length; ++i) look(Value(context, JS_GetPropertyInt64(context, value.get(), i)).get());
    }
    entries.emplace_back(std::string(key), std::move(value));
    return true;
  });
  if (!problem.empty()) return result;
  if (!walked) return std::nullopt;
  if (!has_files) std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });

  const std::string edge = has_files ? boundary() : std::string();
  const auto add = [&](std::string_view key, JSValueConst item) {
    const FilePart* file = script::Class<FilePart>::of(item);
    if (has_files) return append_part(result, edge, key, file, file != nullptr ? std::string() : form_text(context, key, item));
    result.bytes += result.bytes.empty() ? "" : "&";
    wire::append_query_escaped(result.bytes, key);
    result.bytes += '=';
    wire::append_query_escaped(result.bytes, form_text(context, key, item));
  };
  for (const auto& [key, value] : entries) {
    if (!value.is_array()) {
      add(key, value.get());
      continue;
    }
    const std::int64_t length = script::list_length(context, value.get());
    for (std::int64_t i = 0; i < length; ++i) add(key, Value(context, JS_GetPropertyInt64(context, value.get(), i)).get());
  }
  if (has_files) result.bytes.append("--").append(edge).append("--\r\n");
  result.content_type = has_files ? "multipart/form-data; boundary=" + edge : "application/x-www-form-urlencoded";
  return result;
}

}  // namespace gauntlet::engine::api
