#include "engine/script/json/gjson.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "engine/script/json/parse.hpp"
#include "engine/script/json/scan.hpp"
#include "engine/script/json/syntax_error.hpp"

namespace gauntlet::engine::json {
namespace {

using namespace scan;

/// Paths within paths (queries in queries, multipaths in multipaths) may not exhaust the stack.
constexpr int kMaxNesting = 64;

using Found = std::optional<std::string>;

/// Shell-like pattern: * for any run, ? for any character, \ for the next one as it is.
bool matches_pattern(std::string_view text, std::string_view pattern) {
  std::size_t t = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p + 1 < pattern.size() && pattern[p] == '\\' && pattern[p + 1] == text[t]) {
      p += 2;
      ++t;
    } else if (p < pattern.size() && pattern[p] != '\\' && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

/// A JSON string that means `text`.
std::string json_quoted(std::string_view text) {
  std::string out;
  base::append_json_string(out, text, base::BrokenUtf8::kept);
  return out;
}

// Paths.

/// Past the bracketed or quoted group that starts at `at`.
std::size_t skip_group(std::string_view path, std::size_t at) {
  int depth = 0;
  while (at < path.size()) {
    const char c = path[at];
    if (c == '"') {
      at = skip_string(path, at);
      if (depth == 0) return at;
      continue;
    }
    ++at;
    if (c == '\\') {
      ++at;
    } else if (c == '(' || c == '[' || c == '{') {
      ++depth;
    } else if (c == ')' || c == ']' || c == '}') {
      if (--depth <= 0) return std::min(at, path.size());
    }
  }
  return path.size();
}

/// One step of a path, and how the rest goes on from it.
struct Step {
  std::string name;  // without escapes; the pattern as written when is_pattern
  bool is_pattern = false;
  std::string_view rest;  // after '.' or '|'
  bool has_rest = false;
  bool is_pipe = false;
};

bool starts_anew(char c) { return c == '@' || c == '[' || c == '{' || c == '!'; }

Step read_step(std::string_view path) {
  Step step;
  std::string literal;
  std::size_t i = 0;
  for (; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '\\' && i + 1 < path.size()) {
      step.name += c;
      step.name += path[++i];
      literal += path[i];
    } else if (c == '.' || c == '|') {
      step.has_rest = true;
      step.rest = path.substr(i + 1);
      step.is_pipe = c == '|' || (!step.rest.empty() && starts_anew(step.rest[0]));
      break;
    } else {
      step.is_pattern = step.is_pattern || c == '*' || c == '?';
      step.name += c;
      literal += c;
    }
  }
  if (!step.is_pattern) step.name = std::move(literal);
  return step;
}

/// Where the path is divided by a '|' outside of groups: [left, right].
std::pair<std::string_view, std::optional<std::string_view>> split_pipe(std::string_view path) {
  for (std::size_t i = 0; i < path.size();) {
    const char c = path[i];
    if (c == '\\') {
      i += 2;
    } else if (c == '(' || c == '[' || c == '{' || c == '"') {
      i = skip_group(path, i);
    } else if (c == '|' || (c == '.' && i + 1 < path.size() && path[i + 1] == '@')) {
      return {path.substr(0, i), path.substr(i + 1)};
    } else {
      ++i;
    }
  }
  return {path, std::nullopt};
}

class Evaluator {
 public:
  Found get(std::string_view text, std::string_view path, int nesting) {
    if (nesting > kMaxNesting || path.empty()) return std::nullopt;
    if (path.starts_with("..")) return get(lines_as_array(text), path.substr(2), nesting + 1);
    switch (path[0]) {
      case '@': return modify(text, path, nesting);
      case '!': return literal(path, nesting);
      case '{':
      case '[': return multipath(text, path, nesting);
      default: break;
    }
    const std::string_view value = first_value(text);
    if (is_object(value)) return in_object(value, path, nesting);
    if (is_array(value)) return in_array(value, path, nesting);
    return std::nullopt;
  }

 private:
  /// The rest of a path on the value that a step has found.
  Found go_on(std::string_view value, const Step& step, int nesting) {
    if (!step.has_rest) return std::string(value);
    if (!step.is_pipe && !is_object(value) && !is_array(value)) return std::nullopt;
    return get(value, step.rest, nesting + 1);
  }

  Found in_object(std::string_view object, std::string_view path, int nesting) {
    const Step step = read_step(path);
    Found found;
    for_each_member(object, [&](std::string_view key, std::string_view value) {
      const std::string_view inner = key.substr(1, key.size() >= 2 ? key.size() - 2 : 0);
      const std::string decoded = inner.find('\\') == std::string_view::npos ? std::string(inner) : unquote(key);
      if (step.is_pattern ? !matches_pattern(decoded, step.name) : decoded != step.name) return true;
      found = go_on(value, step, nesting);
      return false;
    });
    return found;
  }

  Found in_array(std::string_view array, std::string_view path, int nesting) {
    if (path.starts_with('#')) return in_all(array, path, nesting);
    const Step step = read_step(path);
    std::size_t index = 0;
    const auto [end, problem] = std::from_chars(step.name.data(), step.name.data() + step.name.size(), index);
    if (problem != std::errc() || end != step.name.data() + step.name.size()) return std::nullopt;
    Found found;
    for_each_element(array, [&](std::string_view element) {
      if (index-- > 0) return true;
      found = go_on(element, step, nesting);
      return false;
    });
    return found;
  }

  /// '#', '#.x', '#(query)', '#(query)#'
  Found in_all(std::string_view array, std::string_view path, int nesting) {
    if (path.size() == 1 || path[1] == '|') {
      std::size_t count = 0;
      for_each_element(array, [&](std::string_view) { return ++count > 0; });
      const std::string text = std::to_string(count);
      return path.size() == 1 ? text : get(text, path.substr(2), nesting + 1);
    }
    if (path[1] == '.') {
      if (path.size() > 2 && starts_anew(path[2]) && path[2] == '@') {
        // "#.@mod" is the count piped on.
        return get(*in_all(array, "#", nesting), path.substr(2), nesting + 1);
      }
      const auto [each, pipe] = split_pipe(path.substr(2));
      return piped(collect(array, each, nesting), pipe, nesting);
    }
    if (path[1] != '(' && path[1] != '[') return std::nullopt;
    const std::size_t end = skip_group(path, 1);
    if (end < 3) return std::nullopt;
    const std::string_view query = path.substr(2, end - 3);
    std::string_view rest = path.substr(end);
    const bool wants_all = rest.starts_with('#');
    if (wants_all) rest.remove_prefix(1);
    const bool is_pipe = rest.starts_with('|') || (rest.size() > 1 && rest[0] == '.' && starts_anew(rest[1]));
    const bool has_rest = !rest.empty() && (rest[0] == '.' || rest[0] == '|');
    if (has_rest) rest.remove_prefix(1);

    std::string matched = "[";
    Found first;
    for_each_element(array, [&](std::string_view element) {
      if (!fulfils(element, query, nesting + 1)) return true;
      if (!wants_all) {
        first = std::string(element);
        return false;
      }
      if (matched.size() > 1) matched += ',';
      matched += element;
      return true;
    });
    matched += ']';
    if (!wants_all) {
      if (!first || !has_rest) return first;
      if (!is_pipe && !is_object(*first) && !is_array(*first)) return std::nullopt;
      return get(*first, rest, nesting + 1);
    }
    if (!has_rest) return matched;
    if (is_pipe) return get(matched, rest, nesting + 1);
    const auto [each, pipe] = split_pipe(rest);
    return piped(collect(matched, each, nesting), pipe, nesting);
  }

  /// What `path` selects in each element, as an array of those where it selects something.
  std::string collect(std::string_view array, std::string_view path, int nesting) {
    std::string out = "[";
    for_each_element(array, [&](std::string_view element) {
      if (const Found found = get(element, path, nesting + 1)) {
        if (out.size() > 1) out += ',';
        out += *found;
      }
      return true;
    });
    return out += ']';
  }

  Found piped(std::string value, std::optional<std::string_view> path, int nesting) {
    if (!path) return value;
    return get(value, *path, nesting + 1);
  }

  /// "path op value", "op value" or "path".
  bool fulfils(std::string_view element, std::string_view query, int nesting) {
    if (nesting > kMaxNesting) return false;
    query = trim(query);
    std::size_t at = 0;
    while (at < query.size() && std::string_view("=!<>%").find(query[at]) == std::string_view::npos) {
      if (query[at] == '\\') at += 2;
      else if (query[at] == '(' || query[at] == '[' || query[at] == '{' || query[at] == '"') at = skip_group(query, at);
      else ++at;
    }
    at = std::min(at, query.size());
    const std::string_view path = trim(query.substr(0, at));
    std::size_t op_end = at;
    while (op_end < query.size() && std::string_view("=!<>%").find(query[op_end]) != std::string_view::npos) ++op_end;
    std::string op(query.substr(at, op_end - at));
    const std::string_view wanted = trim(query.substr(op_end));
    if (op == "==") op = "=";
    const Found value = path.empty() ? Found(element) : get(element, path, nesting + 1);
    if (wanted.starts_with('~')) {
      const bool holds = is_truthy(value, wanted.substr(1));
      return op == "=" ? holds : op == "!=" && !holds;
    }
    if (!value) return false;
    if (op.empty()) return true;
    return compare(trim(*value), op, wanted);
  }

  static bool is_truthy(const Found& value, std::string_view kind) {
    const std::string_view text = value ? trim(*value) : std::string_view();
    if (kind == "*") return value.has_value();
    if (kind == "null") return !value || text == "null";
    bool truth = false;
    if (value) {
      if (text == "true") truth = true;
      else if (is_string(text)) truth = unquote(text) == "true" || unquote(text) == "1";
      else truth = std::strtod(std::string(text).c_str(), nullptr) != 0;
    }
    return kind == "true" ? truth : kind == "false" && !truth;
  }

  template <class T>
  static bool ordered(const T& a, std::string_view op, const T& b) {
    if (op == "=") return a == b;
    if (op == "!=") return a != b;
    if (op == "<") return a < b;
    if (op == "<=") return a <= b;
    if (op == ">") return a > b;
    if (op == ">=") return a >= b;
    return false;
  }

  static bool compare(std::string_view value, std::string_view op, std::string_view wanted) {
    if (is_string(value)) {
      const std::string have = unquote(value);
      const std::string want = is_string(wanted) ? unquote(wanted) : std::string(wanted);
      if (op == "%") return matches_pattern(have, want);
      if (op == "!%") return !matches_pattern(have, want);
      return ordered(have, op, want);
    }
    if (value == "true") return op == "=" ? wanted == "true" : op == "!=" ? wanted != "true" : op == ">" ? wanted == "false" : op == ">=";
    if (value == "false") return op == "=" ? wanted == "false" : op == "!=" ? wanted != "false" : op == "<" ? wanted == "true" : op == "<=";
    if (!value.empty() && (value[0] == '-' || base::is_digit(value[0]))) {
      return ordered(std::strtod(std::string(value).c_str(), nullptr), op, std::strtod(std::string(wanted).c_str(), nullptr));
    }
    return false;
  }

  static std::string lines_as_array(std::string_view text) {
    std::string out = "[";
    for (std::size_t at = skip_space(text, 0); at < text.size(); at = skip_space(text, at)) {
      const std::size_t end = skip_value(text, at);
      if (end == at) break;
      if (out.size() > 1) out += ',';
      out += text.substr(at, end - at);
      at = end;
    }
    return out += ']';
  }

  /// !"text" and !{"json":1}: a value that the path itself gives.
  Found literal(std::string_view path, int nesting) {
    const std::string_view text = path.substr(1);
    const std::size_t end = text.empty() || std::string_view("\"[{").find(text[0]) == std::string_view::npos
                                ? std::min(text.find_first_of(".|"), text.size())
                                : skip_value(text, 0);
    return after(std::string(text.substr(0, end)), text.substr(end), nesting);
  }

  Found after(std::string value, std::string_view rest, int nesting) {
    if (rest.empty()) return value;
    if (rest[0] != '.' && rest[0] != '|') return std::nullopt;
    return get(value, rest.substr(1), nesting + 1);
  }

  /// {a,"name":b.c} and [a,b]
  Found multipath(std::string_view text, std::string_view path, int nesting) {
    const std::size_t end = skip_group(path, 0);
    if (end < 2) return std::nullopt;
    const bool makes_object = path[0] == '{';
    const std::string_view inside = path.substr(1, end - 2);
    std::string out(1, path[0]);
    std::size_t start = 0;
    while (start <= inside.size()) {
      std::size_t stop = start;
      std::size_t colon = std::string_view::npos;
      if (stop < inside.size() && inside[stop] == '"') {
        stop = skip_string(inside, stop);
        if (stop < inside.size() && inside[stop] == ':') colon = stop;
      }
      while (stop < inside.size() && inside[stop] != ',') {
        const char c = inside[stop];
        stop = c == '\\' ? stop + 2 : c == '(' || c == '[' || c == '{' || c == '"' ? skip_group(inside, stop) : stop + 1;
      }
      stop = std::min(stop, inside.size());
      const std::string_view one = inside.substr(start, stop - start);
      const std::string_view selector = colon == std::string_view::npos ? one : inside.substr(colon + 1, stop - colon - 1);
      if (const Found found = get(text, selector, nesting + 1)) {
        if (out.size() > 1) out += ',';
        if (makes_object)
          out +=
              (colon == std::string_view::npos ? json_quoted(last_name(selector)) : std::string(inside.substr(start, colon - start))) + ':';
        out += *found;
      }
      start = stop + 1;
    }
    out += makes_object ? '}' : ']';
    return after(std::move(out), path.substr(end), nesting);
  }

  /// The name under which an unnamed selector's value is put: its last plain step.
  static std::string last_name(std::string_view path) {
    std::string name = "_";
    for (std::string_view rest = path; !rest.empty();) {
      if (starts_anew(rest[0]) || rest[0] == '#') return "_";
      const Step step = read_step(rest);
      name = step.is_pattern ? "_" : step.name;
      rest = step.rest;
    }
    return name;
  }

  Found modify(std::string_view text, std::string_view path, int nesting) {
    std::size_t end = 1;
    while (end < path.size() && path[end] != ':' && path[end] != '.' && path[end] != '|') ++end;
    const std::string_view name = path.substr(1, end - 1);
    std::string_view argument;
    if (end < path.size() && path[end] == ':') {
      const std::size_t start = ++end;
      if (start < path.size() && std::string_view("{[\"(").find(path[start]) != std::string_view::npos) end = skip_group(path, start);
      else end = std::min(path.find('|', start), path.size());
      argument = path.substr(start, end - start);
    }
    auto value = apply(name, argument, first_value(text), nesting);
    if (!value) return std::nullopt;
    return after(std::move(*value), path.substr(end), nesting);
  }

  Found apply(std::string_view name, std::string_view argument, std::string_view value, int nesting) {
    if (name == "this" || name == "ugly" || name == "pretty" || name == "valid") return std::string(value);
    if (name == "reverse") return reverse(value);
    if (name == "keys") return keys_or_values(value, true);
    if (name == "values") return keys_or_values(value, false);
    if (name == "flatten") return flatten(value, argument, nesting);
    if (name == "join") return join(value, argument);
    if (name == "tostr") return json_quoted(value);
    if (name == "fromstr") return is_string(value) ? Found(unquote(value)) : std::nullopt;
    if (name == "group") return group(value);
    if (name == "dig") {
      std::string out = "[";
      dig(value, argument, out, nesting);
      return out += ']';
    }
    return std::nullopt;
  }

  static std::string reverse(std::string_view value) {
    std::vector<std::string> parts;
    if (is_array(value)) for_each_element(value, [&](std::string_view e) { return parts.emplace_back(e), true; });
    else if (is_object(value))
      for_each_member(value,
                      [&](std::string_view k, std::string_view v) { return parts.push_back(std::string(k) + ':' + std::string(v)), true; });
    else return std::string(value);
    std::string out(1, value[0]);
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) out += (out.size() > 1 ? "," : "") + *part;
    return out += is_array(value) ? ']' : '}';
  }

  static std::string keys_or_values(std::string_view value, bool wants_keys) {
    std::string out = "[";
    const auto add = [&](std::string_view part) {
      if (out.size() > 1) out += ',';
      out += part;
      return true;
    };
    if (is_object(value)) for_each_member(value, [&](std::string_view k, std::string_view v) { return add(wants_keys ? k : v); });
    else if (is_array(value)) for_each_element(value, [&](std::string_view e) { return add(wants_keys ? "null" : e); });
    else if (!wants_keys && !value.empty()) add(value);
    return out += ']';
  }

  static std::string flatten(std::string_view value, std::string_view argument, int nesting) {
    if (!is_array(value) || nesting > kMaxNesting) return std::string(value);
    const bool is_deep = Evaluator().get(argument, "deep", nesting + 1) == "true";
    std::string out = "[";
    for_each_element(value, [&](std::string_view element) {
      std::string inner(element);
      if (is_array(element)) {
        inner = is_deep ? flatten(element, argument, nesting + 1) : inner;
        inner = std::string(trim(std::string_view(inner).substr(1, inner.size() - 2)));
        if (inner.empty()) return true;
      }
      out += (out.size() > 1 ? "," : "") + inner;
      return true;
    });
    return out += ']';
  }

  static std::string join(std::string_view value, std::string_view argument) {
    if (!is_array(value)) return std::string(value);
    const bool keeps_all = Evaluator().get(argument, "preserve", 0) == "true";
    std::vector<std::pair<std::string, std::string>> members;
    for_each_element(value, [&](std::string_view element) {
      if (!is_object(element)) return true;
      for_each_member(element, [&](std::string_view key, std::string_view v) {
        const auto same = std::find_if(members.begin(), members.end(), [&](const auto& m) { return m.first == key; });
        if (keeps_all || same == members.end()) members.emplace_back(key, v);
        else same->second = v;
        return true;
      });
      return true;
    });
    std::string out = "{";
    for (const auto& [key, v] : members) out += (out.size() > 1 ? "," : "") + key + ':' + v;
    return out += '}';
  }

  /// {"a":[1,2],"b":[3,4]} -> [{"a":1,"b":3},{"a":2,"b":4}]
  static std::string group(std::string_view value) {
    if (!is_object(value)) return {};
    std::vector<std::string> rows;
    for_each_member(value, [&](std::string_view key, std::string_view list) {
      if (!is_array(list)) return true;
      std::size_t row = 0;
      for_each_element(list, [&](std::string_view element) {
        if (row == rows.size()) rows.emplace_back();
        std::string& out = rows[row++];
        out += (out.empty() ? "" : ",") + std::string(key) + ':' + std::string(element);
        return true;
      });
      return true;
    });
    std::string out = "[";
    for (const std::string& row : rows) out += (out.size() > 1 ? ",{" : "{") + row + '}';
    return out += ']';
  }

  /// What `path` selects anywhere below.
  void dig(std::string_view value, std::string_view path, std::string& out, int nesting) {
    if (nesting > kMaxNesting) return;
    if (const Found found = get(value, path, nesting + 1)) out += (out.size() > 1 ? "," : "") + *found;
    if (is_array(value)) for_each_element(value, [&](std::string_view e) { return dig(e, path, out, nesting + 1), true; });
    else if (is_object(value))
      for_each_member(value, [&](std::string_view, std::string_view v) { return dig(v, path, out, nesting + 1), true; });
  }
};

}  // namespace

std::optional<std::string> find(std::string_view text, std::string_view path) { return Evaluator().get(text, path, 0); }

JSValue select(JSContext* context, std::string_view text, std::string_view path) {
  const Found found = find(text, path);
  if (!found) return JS_UNDEFINED;
  const JSValue value = parse(context, *found, Padding::absent);
  if (!JS_IsException(value) || syntax_problem(*found).empty()) return value;  // too large or too deep for a script
  JS_FreeValue(context, JS_GetException(context));
  return JS_UNDEFINED;
}

}  // namespace gauntlet::engine::json
