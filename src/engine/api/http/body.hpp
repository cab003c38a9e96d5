#pragma once
// Request bodies from script values: text, bytes, urlencoded forms, multipart forms with files; and http.file(). The
// bytes of a File of k6/experimental/fs are not copied: all virtual users send the one copy that the process has.
#include <quickjs.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/wire/http/fetch.hpp"

namespace gauntlet::engine::api {

/// What http.file() makes. Scripts see it as {data, filename, content_type}.
struct FilePart {
  std::string data;
  wire::SharedBytes shared;  ///< in place of data, where it was made of a File of k6/experimental/fs
  std::string file_name;
  std::string content_type;
};

/// http.file(data, filename?, contentType?)
JSValue new_file_part(JSContext* context, JSValueConst data, JSValueConst file_name, JSValueConst content_type);
void define_file_part(JSContext* context);

struct RequestBody {
  std::string bytes;
  std::vector<wire::SharedBytes> files;  ///< which stand between them
  std::string content_type;              ///< for a form; empty when the script says it itself
};

/// The bytes of `body`; nothing when a script exception is pending. `problem` is set when it is of a kind that is no
/// body ("a request body is a text, an ArrayBuffer, a File or an object, not a number").
std::optional<RequestBody> request_body(JSContext* context, JSValueConst body, std::string& problem);

}  // namespace gauntlet::engine::api
