#include "engine/users/secrets.hpp"

#include <fmt/format.h>

#include <sstream>

#include "base/whole_file.hpp"

namespace gauntlet::engine::users {
namespace {

using Values = std::map<std::string, std::string>;
constexpr const char* kDefault = "default";

base::Error wrong(std::string message) { return {base::ErrorKind::invalid_argument, std::move(message)}; }

base::Expected<void> add_pair(Values& values, const std::string& text) {
  const std::size_t equals = text.find('=');
  // The text itself may be a secret that lacks its name: only its beginning is told.
  if (equals == std::string::npos)
    return tl::unexpected(wrong(fmt::format("a secret is KEY=VALUE, and \"{}...\" has no =", text.substr(0, 3))));
  values[text.substr(0, equals)] = text.substr(equals + 1);
  return {};
}

base::Expected<Values> read_file(const std::string& path) {
  auto text = base::read_whole_file(path);
  if (!text) return tl::unexpected(wrong(fmt::format("open {}: {}", path, text.error().message())));
  std::istringstream file(std::move(*text));
  Values values;
  std::size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    if (auto added = add_pair(values, line); !added) return tl::unexpected(std::move(added.error()).in(fmt::format("{}:{}", path, number)));
  }
  return values;
}

std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

base::Expected<Secrets> Secrets::open(const std::vector<std::string>& sources) {
  Secrets secrets;
  std::string default_name;
  for (const std::string& text : sources) {
    const std::size_t equals = text.find('=');
    const std::string kind = text.substr(0, equals);
    if (kind != "file" && kind != "mock") {
      return tl::unexpected(wrong(fmt::format("no secret source for type \"{}\"; there are file=PATH and mock=KEY=VALUE,...", kind)));
    }
    std::string name, path;
    bool is_default = false;
    Values values;
    for (const std::string& part : parts_of(equals == std::string::npos ? "" : text.substr(equals + 1))) {
      if (part.rfind("name=", 0) == 0) {
        name = part.substr(5);
      } else if (part == kDefault) {
        is_default = true;
      } else if (kind == "file") {
        path = part.rfind("filename=", 0) == 0 ? part.substr(9) : part;
      } else if (auto added = add_pair(values, part); !added) {
        return tl::unexpected(std::move(added.error()).in("--secret-source mock"));
      }
    }
    if (kind == "file") {
      auto read = read_file(path);
      if (!read) return tl::unexpected(std::move(read.error()).in("--secret-source file"));
      values = std::move(*read);
    }
    if (name.empty()) name = sources.size() == 1 ? kDefault : kind;
    if (!secrets.by_name_.emplace(name, std::move(values)).second) {
      return tl::unexpected(wrong(fmt::format("two secret sources are called \"{}\": tell them apart by name=", name)));
    }
    if (is_default && !default_name.empty())
      return tl::unexpected(
          wrong(fmt::format("can't have two secret sources that are default ones: \"{}\" and \"{}\"", default_name, name)));
    if (is_default) default_name = name;
  }
  if (default_name.empty() && sources.size() == 1) default_name = secrets.by_name_.begin()->first;
  if (!default_name.empty() && default_name != kDefault) secrets.by_name_[kDefault] = secrets.by_name_[default_name];
  return secrets;
}

base::Expected<const std::map<std::string, std::string>*> Secrets::source(std::string_view name) const {
  if (by_name_.empty()) return base::fail(base::ErrorKind::failed_precondition, "no secret sources are configured");
  const auto found = by_name_.find(name);
  if (found == by_name_.end())
    return base::fail(base::ErrorKind::not_found, fmt::format("no secret source with name \"{}\" is configured", name));
  return &found->second;
}

}  // namespace gauntlet::engine::users
