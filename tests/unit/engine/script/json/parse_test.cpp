#include "engine/script/json/parse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <quickjs.h>
#include <rapidcheck.h>

#include <string>
#include <thread>
#include <vector>

#include "base/whole_file.hpp"
#include "support/source_directory.hpp"

namespace gauntlet::engine::json {
namespace {

/// A context whose global `plain` is the interpreter's own JSON.parse, and JSON.parse ours.
class Script {
 public:
  Script() : runtime_(JS_NewRuntime()), context_(JS_NewContext(runtime_)) {
    run("globalThis.plain = JSON.parse;");
    install(context_);
    run(R"js(
      // Everything that a script could tell two values apart by, as text.
      globalThis.describe = function (value, depth = 0) {
        if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
        if (typeof value === 'string') return 's' + Array.from({length: value.length}, (_, i) => value.charCodeAt(i)).join();
        if (value === null || typeof value !== 'object') return typeof value + value;
        const keys = Reflect.ownKeys(value);
        const forIn = []; for (const key in value) forIn.push(key);
        return (Array.isArray(value) ? 'A' : 'O') + (Object.getPrototypeOf(value) === (Array.isArray(value) ? Array : Object).prototype)
          + Object.isExtensible(value) + Object.isFrozen(value) + forIn.join('|') + '{'
          + keys.map((key) => { const d = Object.getOwnPropertyDescriptor(value, key);
              return describe(key) + [d.writable, d.enumerable, d.configurable, 'get' in d] + ':' + describe(d.value, depth + 1); }).join(';') + '}';
      };
      globalThis.outcome = function (parse, text) {
        try { return describe(parse(text)); } catch (e) { return 'throws ' + e.name + ': ' + e.message; }
      };
      globalThis.agree = (text) => { const a = outcome(plain, text), b = outcome(JSON.parse, text); return a === b ? '' : a + '  BUT  ' + b; };
    )js");
  }
  ~Script() {
    JS_FreeContext(context_);
    JS_FreeRuntime(runtime_);
  }
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  JSContext* context() { return context_; }

  std::string run(const std::string& code) {
    const JSValue result = JS_Eval(context_, code.c_str(), code.size(), "test.js", JS_EVAL_TYPE_GLOBAL);
    return text(result);
  }
  /// Empty when both parsers say the same about the text, else what they say.
  std::string disagreement(std::string_view json) {
    const JSValue global = JS_GetGlobalObject(context_);
    const JSValue agree = JS_GetPropertyStr(context_, global, "agree");
    JSValue argument = JS_NewStringLen(context_, json.data(), json.size());
    const JSValue result = JS_Call(context_, agree, JS_UNDEFINED, 1, &argument);
    JS_FreeValue(context_, argument);
    JS_FreeValue(context_, agree);
    JS_FreeValue(context_, global);
    return text(result);
  }

 private:
  std::string text(JSValue value) {
    if (JS_IsException(value)) value = JS_GetException(context_);
    std::size_t size = 0;
    const char* bytes = JS_ToCStringLen(context_, &size, value);
    std::string out = bytes != nullptr ? std::string(bytes, size) : "?";
    JS_FreeCString(context_, bytes);
    JS_FreeValue(context_, value);
    return out;
  }

  JSRuntime* runtime_;
  JSContext* context_;
};

std::string nested(std::string open, std::string close, int depth) {
  std::string out;
  for (int i = 0; i < depth; ++i) out += open;
  out += "1";
  for (int i = 0; i < depth; ++i) out += close;
  return out;
}

TEST(JsonParse, agrees_with_the_plain_parser_on_every_corner) {
  Script script;
  const std::vector<std::string> corners = {"0",
                                            "-0",
                                            "[-0]",
                                            "{\"a\":-0}",
                                            "[0,-0, 0]",
                                            "[-0.0]",
                                            "[-0e5]",
                                            "\"-0,\"",
                                            "[0,\"x-0\"]",
                                            "[0,\"2026-01-02\"]",
                                            "1e400",
                                            "[-1e400]",
                                            "1e-400",
                                            "12345678901234567890",
                                            "123456789012345678901234567890",
                                            "9007199254740993",
                                            "-9223372036854775808",
                                            "18446744073709551615",
                                            "18446744073709551616",
                                            "0.1",
                                            "1.0",
                                            "1E5",
                                            "1e+5",
                                            "5e-324",
                                            "2.2250738585072011e-308",
                                            "1.7976931348623157e308",
                                            "0.30000000000000004",
                                            "100000000000000000000000",
                                            "true",
                                            "false",
                                            "null",
                                            "\"\"",
                                            "\"a\"",
                                            "[]",
                                            "{}",
                                            "[[]]",
                                            "[{}]",
                                            "{\"a\":{}}",
                                            " \t\r\n 1 \t\r\n ",
                                            "[ 1 , 2 ]",
                                            "{ \"a\" : 1 , \"b\" : 2 }",
                                            "{\"a\":1,\"a\":2}",
                                            "{\"a\":1,\"b\":2,\"a\":3}",
                                            "[{\"a\":1,\"a\":2},{\"a\":1,\"a\":2}]",
                                            "[{\"a\":1,\"b\":2},{\"a\":1,\"a\":2}]",
                                            "{\"__proto__\":1}",
                                            "{\"__proto__\":{\"x\":1}}",
                                            "[{\"__proto__\":1,\"a\":2},{\"__proto__\":3,\"a\":4}]",
                                            "{\"constructor\":1,\"toString\":2}",
                                            "{\"2\":1,\"1\":2,\"a\":3,\"0\":4}",
                                            "[{\"2\":1,\"1\":2},{\"2\":3,\"1\":4}]",
                                            "{\"01\":1,\"-1\":2,\"4294967295\":3,\"4294967294\":4}",
                                            "{\"\":1}",
                                            "[{\"a\":1,\"b\":2},{\"b\":1,\"a\":2},{\"a\":1},{\"a\":1,\"b\":2,\"c\":3},{\"a\":9,\"b\":8}]",
                                            "[{\"ab\":1,\"c\":2},{\"a\":1,\"bc\":2}]",
                                            "\"\\u0041\\n\\t\\\"\\\\\\/\\b\\f\\r\"",
                                            "\"\\ud83d\\ude00\"",
                                            "\"\\ud800\"",
                                            "\"\\udc00x\"",
                                            "\"\\ud800\\ud800\"",
                                            "\"\\u0000\"",
                                            "{\"\\u0000\":1}",
                                            "{\"\\ud800\":1}",
                                            "\"h\xc3\xa9llo\"",
                                            "\"\xe2\x98\x83\"",
                                            "\"\xf0\x9f\x98\x80\"",
                                            "{\"\xc3\xa9\":\"\xe2\x98\x83\"}",
                                            "\xef\xbb\xbf{}",
                                            "\"\xef\xbb\xbf\"",
                                            "",
                                            " ",
                                            "{",
                                            "[",
                                            "}",
                                            "]",
                                            "[1,]",
                                            "{\"a\":1,}",
                                            "[,1]",
                                            "{\"a\"}",
                                            "{\"a\":}",
                                            "{a:1}",
                                            "{'a':1}",
                                            "01",
                                            "-",
                                            "+1",
                                            ".5",
                                            "1.",
                                            "1e",
                                            "1e+",
                                            "0x1",
                                            "NaN",
                                            "Infinity",
                                            "tru",
                                            "truee",
                                            "nul",
                                            "[1 2]",
                                            "{} {}",
                                            "1 2",
                                            "\"",
                                            "\"\n\"",
                                            "\"\t\"",
                                            "\"\\x\"",
                                            "\"\\u12\"",
                                            "[1,2",
                                            "{\"a\":1",
                                            "undefined",
                                            "// c\n1",
                                            "[1]//",
                                            "\x01",
                                            nested("[", "]", 500),
                                            nested("{\"a\":", "}", 500),
                                            nested("[", "]", 1020),
                                            nested("[", "]", 1030),
                                            nested("[", "]", 3000),
                                            nested("{\"a\":[", "]}", 700)};
  for (const std::string& corner : corners) EXPECT_EQ(script.disagreement(corner), "") << corner.substr(0, 80);
  // The same again: what was remembered of the first time changes nothing.
  for (const std::string& corner : corners) EXPECT_EQ(script.disagreement(corner), "") << corner.substr(0, 80);
}

rc::Gen<std::string> json_text(int depth);

rc::Gen<std::string> json_key() {
  return rc::gen::element<std::string>("a", "b", "id", "name", "0", "1", "10", "__proto__", "x y", "\\u0061", "h\xc3\xa9", "constructor",
                                       "", "goals", "-0");
}

rc::Gen<std::string> json_scalar() {
  return rc::gen::oneOf(
      rc::gen::element<std::string>("0", "-0", "1", "-1", "1.5", "-0.0", "1e3", "1e400", "123456789012345678901", "9007199254740993",
                                    "4294967296", "true", "false", "null", "\"\"", "\"a-0,\"", "\"\\ud83d\\ude00\"", "\"\\ud800\"",
                                    "\"\xe2\x98\x83\"", "\"2026-01-05\""),
      rc::gen::map(rc::gen::arbitrary<int>(), [](int n) { return std::to_string(n); }),
      rc::gen::map(rc::gen::arbitrary<double>(), [](double n) { return std::isfinite(n) ? std::to_string(n) : std::string("0"); }),
      rc::gen::map(rc::gen::container<std::string>(rc::gen::inRange<char>(' ', '~')), [](const std::string& text) {
        std::string out = "\"";
        for (const char c : text) out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
        return out + '"';
      }));
}

rc::Gen<std::string> json_text(int depth) {
  if (depth <= 0) return json_scalar();
  const auto join = [](const std::vector<std::string>& parts, const char* open, const char* close) {
    std::string out = open;
    for (std::size_t i = 0; i < parts.size(); ++i) out += (i > 0 ? "," : "") + parts[i];
    return out + close;
  };
  const auto list = rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::lazy([depth] { return json_text(depth - 1); })),
                                 [join](const std::vector<std::string>& items) { return join(items, "[", "]"); });
  const auto member = rc::gen::map(rc::gen::pair(json_key(), rc::gen::lazy([depth] { return json_text(depth - 1); })),
                                   [](const std::pair<std::string, std::string>& m) { return '"' + m.first + "\":" + m.second; });
  const auto object = rc::gen::map(rc::gen::container<std::vector<std::string>>(member),
                                   [join](const std::vector<std::string>& members) { return join(members, "{", "}"); });
  return rc::gen::oneOf(json_scalar(), list, object, object);
}

TEST(JsonParse, agrees_with_the_plain_parser_on_any_json) {
  Script script;
  const bool holds = rc::check("fast and plain parser agree", [&] {
    const std::string text = *rc::gen::resize(12, json_text(3));
    const std::string said = script.disagreement(text);
    if (!said.empty()) RC_FAIL(text + "\n" + said);
  });
  EXPECT_TRUE(holds);
}

/// A text that is long enough for strings to be remembered while it is parsed.
std::string repeated(const std::vector<std::string>& items, std::size_t least_bytes = 4096) {
  std::string out = "[";
  while (out.size() < least_bytes) {
    for (const std::string& item : items) out += item + ',';
  }
  out.back() = ']';
  return out;
}

TEST(JsonParse, agrees_with_the_plain_parser_on_strings_that_come_again) {
  Script script;
  // Of every length around those that are compared in words, alike but for one character each.
  std::vector<std::string> strings;
  for (std::size_t size = 0; size <= 60; ++size) {
    const std::string same(size, 'a');
    strings.push_back('"' + same + '"');
    for (std::size_t at = 0; at < size; at += 3) {
      std::string other = same;
      other[at] = 'b';
      strings.push_back('"' + other + '"');
    }
  }
  strings.insert(strings.end(),
                 {"\"\\ud83d\\ude00\"", "\"\\ud800\"", "\"\\u0000\"", "\"\\u0000\\u0000\"", "\"h\xc3\xa9\"", "\"\xe2\x98\x83\""});
  EXPECT_EQ(script.disagreement(repeated(strings, 40'000)), "");
  const bool holds = rc::check("fast and plain parser agree on any JSON many times over", [&] {
    const std::string text = repeated(*rc::gen::resize(8, rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(json_text(3)))));
    const std::string said = script.disagreement(text);
    if (!said.empty()) RC_FAIL(text.substr(0, 500) + "\n" + said.substr(0, 500));
  });
  EXPECT_TRUE(holds);
}

/// Lists as a server sends them again and again: `entries` between others that stay, in one array inside another.
std::string list_with(const std::vector<std::string>& entries) {
  std::string out = "{\"lists\": [{\"name\": \"first\", \"entries\": [";
  for (std::size_t i = 0; i < 30; ++i) {
    out += i == 15 ? "]}, {\"name\":\"second\",\"entries\":[" : i > 0 ? ", " : "";
    if (i % 3 == 1 && i / 3 < entries.size()) out += entries[i / 3];
    else
      out += R"({"id":"entry-)" + std::to_string(i) + R"(","progress":0,)" + std::string(100, ' ') +
             R"("reward":{"kinds":["coins",1.5,-2]},"at":null})";
  }
  return out + "]}]}";
}

/// What the parsers say differently of these texts, one after the other, in a thread that has parsed none before.
std::string disagreement_in_order(const std::vector<std::string>& texts) {
  std::string said;
  std::thread([&] {
    Script script;
    for (const std::string& text : texts) {
      said = script.disagreement(text);
      if (!said.empty()) return;
    }
  }).join();
  return said;
}

TEST(JsonParse, agrees_with_the_plain_parser_on_texts_that_are_like_the_last_one) {
  const auto check = [](const std::string& what, const rc::Gen<std::string>& entry) {
    return rc::check(what, [&] {
      const auto entries = *rc::gen::resize(5, rc::gen::container<std::vector<std::string>>(entry));
      const std::string text = list_with(entries);
      const std::string said = disagreement_in_order({list_with({}), text, list_with({}), text});
      if (!said.empty()) RC_FAIL(text + "\n" + said.substr(0, 500));
    });
  };
  const auto object =
      rc::gen::map(json_text(3), [](const std::string& value) { return R"({"id":"changed","progress":17,"value":)" + value + "}"; });
  EXPECT_TRUE(check("fast and plain parser agree on a list whose entries change", object));
  EXPECT_TRUE(check("fast and plain parser agree on a list whose entries become any values", json_text(2)));
}

TEST(JsonParse, an_entry_that_is_no_json_or_more_than_one_is_seen_between_known_ones) {
  const std::string longest(5000, 'x');
  for (const std::string& entry : std::vector<std::string>{R"({"a":1)", R"({"a":1}})", R"({"a":1},{"b":2})", R"({"a":1}, )",
                                                           R"({"a":"\"},{"})", R"({"a":[1}])", R"({"a":"x)", R"({"a":-0})", R"({"a":01})",
                                                           "{\"a\":\"\t\"}", "{\"a\":\"\xff\"}", "{}", "[]", "", "7", "\"text\""}) {
    EXPECT_EQ(disagreement_in_order({list_with({}), list_with({"{\"same\":true}", entry})}), "") << entry;
  }
  for (const std::string& entry :
       std::vector{R"({"a":")" + longest + "\"}", R"({"a":")" + longest, R"({"a":")" + longest.substr(0, 4096 - 8) + "\"}"}) {
    EXPECT_EQ(disagreement_in_order({list_with({}), list_with({entry, R"({"},"a":1})"})}), "") << entry.size();
  }
}

TEST(JsonParse, values_of_a_text_stay_when_texts_like_it_are_parsed_and_forgotten) {
  std::thread([] {
    Script script;
    script.run("const texts = []");
    for (int i = 0; i < 40; ++i) {
      script.run("texts.push(`" + list_with({R"({"id":"mine","progress":)" + std::to_string(i) + "}"}) + (i == 20 ? "     `)" : "`)"));
    }
    EXPECT_EQ(script.run(R"js(
      const kept = texts.map((text) => JSON.parse(text)).filter((_, i) => i % 3 === 0);
      const entries = kept.map((each) => each.lists[0].entries);
      kept[1].lists[0].entries[1].progress = 'written';
      const plainly = texts.filter((_, i) => i % 3 === 0).map((text) => plain(text));
      plainly[1].lists[0].entries[1].progress = 'written';
      kept.every((each, i) => JSON.stringify(each) === JSON.stringify(plainly[i])) && entries.every((each, i) => each === kept[i].lists[0].entries);
    )js"),
              "true");
  }).join();
}

TEST(JsonParse, tells_keys_apart_that_differ_in_one_character) {
  Script script;
  for (std::size_t size = 1; size <= 40; ++size) {
    const std::string key(size, 'a');
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = key;
      other[at] = 'b';
      const std::string first = "{\"" + key + "\":1}";
      EXPECT_EQ(script.disagreement("[" + first + ",{\"" + other + "\":2}," + first + "]"), "") << size << ' ' << at;
    }
  }
}

TEST(JsonParse, gives_strings_that_a_script_may_use_for_anything) {
  Script script;
  EXPECT_EQ(script.run(R"js(
    const list = JSON.parse('[' + Array(500).fill('{"key":"alpha","other":"alpha","x":"1"}').join() + ']');
    let text = list[0].key; text += 'bet'; text += 's';
    const object = {}; object[list[1].key] = 1; object[list[2].x] = 2; Symbol.for(list[3].key);
    [text, list[4].key, list[499].other, Object.keys(object), list.every((each) => each.key === 'alpha' && each.x === '1')].join();
  )js"),
            "alphabets,alpha,alpha,1,alpha,true");
}

TEST(JsonParse, agrees_with_the_plain_parser_on_damaged_json) {
  Script script;
  const bool holds = rc::check("fast and plain parser agree on what is no JSON", [&] {
    std::string text = *rc::gen::resize(10, json_text(2));
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    switch (*rc::gen::inRange(0, 3)) {
      case 0: text.erase(at, 1); break;
      case 1: text.insert(at, 1, *rc::gen::element('{', '}', '[', ']', ',', ':', '"', '\\', '0', '-', 'e', ' ', '\n')); break;
      default: text.resize(at); break;
    }
    const std::string said = script.disagreement(text);
    if (!said.empty()) RC_FAIL(text + "\n" + said);
  });
  EXPECT_TRUE(holds);
}

TEST(JsonParse, gives_objects_that_no_script_can_tell_from_those_of_the_plain_parser) {
  Script script;
  ASSERT_EQ(script.run(*base::read_file(support::source_directory() + "/tests/support/json_sessions.js") + ";'read'"), "read");
  for (int seed = 1; seed <= 400; ++seed) {
    ASSERT_EQ(script.run("sessions.run(plain, JSON.parse, " + std::to_string(seed) + ")"), "");
  }
}

/// A list of `count` goals, which is deferred.
std::string goals(int count) {
  std::string out = "{\"goals\":[";
  for (int i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    out += "{\"id\":" + std::to_string(i) + R"(,"name":"goal","status":"completed","requirement":{"target":)" + std::to_string(i * 10) +
           R"(},"reward":{"type":"WALLET","id":"GOLD","quantity":5},"progress":0})";
  }
  return out + "]}";
}

TEST(JsonParse, counts_a_deferred_text_towards_the_heap_limit_while_a_value_of_it_lives) {
  Script script;
  JSRuntime* const runtime = JS_GetRuntime(script.context());
  const auto used = [&] {
    JSMemoryUsage usage;
    JS_ComputeMemoryUsage(runtime, &usage);
    return usage.malloc_size;
  };
  const std::string text = goals(1000);
  script.run("globalThis.text = '" + text + "'; let warm = JSON.parse(text).goals[3].reward; warm = null;");
  const auto before = used();
  script.run("globalThis.kept = JSON.parse(text).goals[500]");
  EXPECT_GT(used(), before + static_cast<std::int64_t>(text.size()));
  EXPECT_EQ(script.run("kept.id + kept.reward.type"), "500WALLET");
  script.run("kept = null");
  EXPECT_LT(used(), before + 4096);
}

TEST(JsonParse, tells_of_a_heap_that_is_too_small_where_values_are_made) {
  Script script;
  JSRuntime* const runtime = JS_GetRuntime(script.context());
  script.run("globalThis.text = '" + goals(20'000) + "';");
  JSMemoryUsage usage;
  JS_ComputeMemoryUsage(runtime, &usage);
  JS_SetMemoryLimit(runtime, static_cast<std::size_t>(usage.malloc_size) + (std::size_t{1} << 20U));
  EXPECT_THAT(script.run("let value = 'made'; try { value = JSON.parse(text); } catch (e) { value = e.message; } value"),
              testing::HasSubstr("out of memory"));
  JS_SetMemoryLimit(runtime, static_cast<std::size_t>(usage.malloc_size) + (std::size_t{13} << 20U));
  EXPECT_THAT(script.run(R"js(
    value = JSON.parse(text);
    let said = '';
    try { JSON.stringify(value); } catch (e) { said = e.message; }
    said + ' ' + value.goals[19999].id;
  )js"),
              testing::MatchesRegex("out of memory.* 19999"));
}

TEST(JsonParse, makes_objects_that_do_not_share_what_is_done_to_them) {
  Script script;
  EXPECT_EQ(script.run(R"js(
    const list = JSON.parse('[{"a":1,"b":2},{"a":3,"b":4},{"a":5,"b":6}]');
    list[0].c = 7; delete list[1].a; list[2].a = 'x'; Object.freeze(list[2]);
    const again = JSON.parse('[{"a":1,"b":2}]');
    JSON.stringify([list, again, Object.isFrozen(again[0])]);
  )js"),
            R"([[{"a":1,"b":2,"c":7},{"b":4},{"a":"x","b":6}],[{"a":1,"b":2}],false])");
}

TEST(JsonParse, keeps_to_the_specification_with_revivers_and_odd_arguments) {
  Script script;
  EXPECT_EQ(script.run(R"js(JSON.stringify(JSON.parse('{"a":[1,2]}', (k, v) => typeof v === 'number' ? v * 2 : v)))js"), R"({"a":[2,4]})");
  EXPECT_EQ(script.run("JSON.parse(12) + JSON.parse({toString: () => '30'}) + (JSON.parse(null) === null)"), "43");
  EXPECT_EQ(script.run("try { JSON.parse() } catch (e) { e.name }"), "SyntaxError");
  EXPECT_EQ(script.run("JSON.parse.name + JSON.parse.length + typeof JSON.parse + Object.keys(JSON).length"), "parse2function0");
  EXPECT_EQ(script.run("const rope = '[' + '1,'.repeat(5000) + '2]'; JSON.parse(rope).length"), "5001");
}

TEST(JsonParse, forgets_templates_instead_of_growing) {
  Script script;
  EXPECT_EQ(script.run(R"js(
    let sum = 0;
    for (let i = 0; i < 2000; i++) { const o = JSON.parse(`{"k${i}":${i},"z":[{"q${i}":1}]}`); sum += o['k' + i] + o.z[0]['q' + i]; }
    sum;
  )js"),
            "2001000");
}

TEST(JsonParse, reads_remembered_bytes_only_for_their_own_string) {
  Script script;
  JSContext* const context = script.context();
  std::string bytes = "{\"from\":\"bytes\"}";
  const std::size_t size = bytes.size();
  bytes.resize(size + 64);
  const std::string_view padded(bytes.data(), size);
  const JSValue global = JS_GetGlobalObject(context);
  const JSValue body = JS_NewString(context, "{\"from\":\"string\"}");
  JS_SetPropertyStr(context, global, "body", JS_DupValue(context, body));
  SourceLink::remember(body, padded);
  EXPECT_EQ(script.run("JSON.parse(body).from"), "bytes");
  EXPECT_EQ(script.run("JSON.parse(body + ' ').from"), "string");
  SourceLink::forget(padded);
  EXPECT_EQ(script.run("JSON.parse(body).from"), "string");
  JS_FreeValue(context, body);
  JS_FreeValue(context, global);
}

}  // namespace
}  // namespace gauntlet::engine::json
