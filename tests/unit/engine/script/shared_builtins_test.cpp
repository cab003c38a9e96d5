#include "engine/script/shared_builtins.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/script/fiber/fiber.hpp"
#include "engine/script/heap.hpp"
#include "engine/script/json/parse.hpp"
#include "engine/script/program.hpp"
#include "engine/script/runtime.hpp"
#include "engine/script/value.hpp"

namespace gauntlet::engine::script {
namespace {

JSValue one(Call call) { return JS_NewInt32(call.context, 1); }
const Member kExports[] = {function<&one>("one", 0)};
constexpr NativeModule kModules[] = {{"k6/numbers", [](Module& module) { module.exports(kExports); }}};
constexpr Natives kNatives{kModules, &json::install, [](std::string_view) { return std::string(); }};

class Patient final : public Host {
  bool on_script_tick() override { return false; }
};

/// A script's runtime without the virtual user.
class User {
 public:
  explicit User(Builtins builtins = Builtins::shared, const std::string& script = "export default 1",
                std::size_t heap = std::size_t{64} << 20U)
      : program_(Program::from_text(script)),
        runtime_(*program_, kNatives, host_, nullptr, fiber::StackPool::kStackBytes, heap, builtins),
        entry_(runtime_.start_entry()) {}

  /// What an expression gives, or what it throws, as text.
  std::string say(const std::string& expression) {
    JSContext* const context = runtime_.context();
    Value value(context, JS_Eval(context, expression.c_str(), expression.size(), "say.js", JS_EVAL_TYPE_GLOBAL));
    if (value.is_exception()) value = Value(context, JS_GetException(context));
    return Text(value).str();
  }
  /// What a promise gives.
  std::string say_later(const std::string& expression) {
    say("globalThis.later = 'never'; (async () => { later = String(await (" + expression + ")) })().catch((e) => { later = String(e) })");
    runtime_.run_jobs();
    return say("later");
  }
  Runtime& runtime() { return runtime_; }
  bool starts() const { return !entry_.is_exception() && JS_PromiseState(entry_.context(), entry_.get()) != JS_PROMISE_REJECTED; }

 private:
  Patient host_;
  std::unique_ptr<Program> program_;
  Runtime runtime_;
  Value entry_;
};

TEST(SharedBuiltins, are_the_same_for_all_while_variables_are_each_users) {
  User first;
  User second;
  const auto object_prototype = [](User& user) { return Value(user.runtime().context(), JS_GetClassProto(user.runtime().context(), 1)); };
  EXPECT_EQ(JS_VALUE_GET_PTR(object_prototype(first).get()), JS_VALUE_GET_PTR(object_prototype(second).get()));
  first.say("var mine = 'first'; globalThis.too = Symbol.for('too'); JSON.parse('{\"first\": 1}')");
  EXPECT_EQ(first.say("mine"), "first");
  EXPECT_EQ(second.say("typeof mine + typeof too + Object.keys(globalThis).includes('mine')"), "undefinedundefinedfalse");
  EXPECT_EQ(second.say("globalThis.Math = { abs: () => 'mine' }; Math.abs(-1)"), "mine");
  EXPECT_EQ(first.say("Math.abs(-1)"), "1");
}

TEST(SharedBuiltins, cannot_be_changed_in_any_way) {
  User user;
  User other;
  const std::vector<std::string> changes{
      "Array.prototype.last = 1",
      "Array.prototype.push = 1",
      "Array.prototype[0] = 1",
      "Array.prototype.push(1)",
      "Array.prototype.length = 5",
      "Array.prototype.map.call",
      "Array.prototype.map.note = 1",
      "'use strict'; String.prototype.trim = 1",
      "Object.defineProperty(Object.prototype, 'all', { get() { return 1 } })",
      "Object.defineProperty(JSON, 'parse', { value: 1 })",
      "Object.assign(Math, { sum: 1 })",
      "Reflect.set(Promise, 'all', 1)",
      "delete JSON.stringify",
      "Object.setPrototypeOf(Array.prototype, null)",
      "Array.__proto__ = null",
      "Object.freeze(Map.prototype)",
      "Object.preventExtensions(Set)",
      "Object.prototype.__defineGetter__('x', () => 1)",
      "[].splice.call(Array.prototype, 0, 0, 1)",
      "class A { static #x = 1; constructor(o) { return o } }; class B extends A { #y = 1 }; new B(Array.prototype)",
      "globalThis.RegExp.prototype.exec = 1",
      "(function* () {}).constructor.prototype.x = 1",
      "Error.prototype.name = 'Mine'",
      "Uint8Array.prototype.__proto__.fill = 1",
  };
  const std::string state =
      "[Object.getOwnPropertyNames(Array.prototype).length, Array.prototype.length, typeof [].push, typeof JSON.stringify, typeof "
      "JSON.parse,"
      "Object.isExtensible(Set), Object.isFrozen(Map.prototype), typeof Math.sum, typeof ({}).all, [].__proto__.__proto__ === "
      "Object.prototype,"
      "String(new Error('e')), [1, 2].map((x) => x + 1)].join()";
  const std::string before = other.say(state);
  for (const std::string& change : changes) {
    if (change == "Array.prototype.map.call") continue;  // reading is fine
    EXPECT_NE(user.say(change).find("TypeError: a built-in object is shared by all virtual users"), std::string::npos) << change;
  }
  EXPECT_EQ(user.say(state), before);
  EXPECT_EQ(other.say(state), before);
}

TEST(SharedBuiltins, let_scripts_do_all_else) {
  User user;
  // What an object of the user's hides is its own.
  EXPECT_EQ(
      user.say("const o = { toString() { return 'mine' } }; o.valueOf = 1; const f = () => 1; f.call = 2; String(o) + o.valueOf + f.call"),
      "mine12");
  EXPECT_EQ(user.say("const list = [3, 1]; list.push = () => 'mine'; list.push() + list.sort() + list.length"), "mine1,32");
  EXPECT_EQ(user.say("Error.stackTraceLimit = 0; new Error('e').stack.includes('say.js')"), "false");
  EXPECT_EQ(User().say("Error.stackTraceLimit"), "10");
  EXPECT_EQ(
      user.say("class Mine extends Array { sum() { return this.reduce((a, b) => a + b) } }; Mine.from([1, 2]).map((x) => x * 2).sum()"),
      "6");
  EXPECT_EQ(
      user.say("class Fault extends TypeError {}; try { null.x } catch (e) { e instanceof TypeError && new Fault('f') instanceof Error }"),
      "true");
  EXPECT_EQ(user.say("Function('return this')() === globalThis && (0, eval)('this') === globalThis && global_of() === globalThis;"
                     "function global_of() { return this }"),
            "true");
  EXPECT_EQ(user.say("var indirect = 1; (0, eval)('var made = indirect + 1'); made + Reflect.construct(Date, [0]).getTime()"), "2");
  EXPECT_EQ(user.say("[...new Map([[Array.prototype, 1], [Symbol.iterator, 2]]).values()].join()"), "1,2");
  EXPECT_EQ(user.say("`${[10, 9, 1].toSorted()} ${'a-b'.replace(/(\\w)-(\\w)/, '$2$1')} ${new Intl_or_none()}`; function Intl_or_none() { "
                     "this.toString = () => 'x' }"),
            "1,10,9 ba x");
  EXPECT_EQ(user.say_later("Array.fromAsync([1, Promise.resolve(2)])"), "1,2");
  EXPECT_EQ(user.say("[...Iterator.zip([[1, 2], ['a', 'b']])].join(';')"), "1,a;2,b");
  EXPECT_EQ(user.say_later("Promise.all([1, new Promise((resolve) => resolve(2))]).then((all) => all instanceof Array && all.join('+'))"),
            "1+2");
  EXPECT_EQ(user.say("Object.defineProperty(globalThis, 'Map', { value: 'mine' }); Map"), "mine");
  EXPECT_EQ(User().say("typeof Map"), "function");
}

TEST(SharedBuiltins, have_the_modules_that_all_users_import) {
  const std::string script =
      "import numbers, { one } from 'k6/numbers'; globalThis.sum = one() + numbers.one(); export default () => one()";
  User user(Builtins::shared, script);
  ASSERT_TRUE(user.starts());
  EXPECT_EQ(user.say("sum"), "2");
  User writes(Builtins::shared, "import numbers from 'k6/numbers'; numbers.one = () => 2");
  EXPECT_FALSE(writes.starts());
  User watched(Builtins::watched, "import numbers from 'k6/numbers'; numbers.one = () => 2");
  EXPECT_TRUE(watched.starts());
  EXPECT_TRUE(watched.runtime().has_changed_builtins());
}

TEST(SharedBuiltins, of_a_watched_user_are_its_own_and_tell_of_changes) {
  for (const char* const change : {"Array.prototype.last = function () { return this[this.length - 1] }", "Array.prototype.map.note = 1",
                                   "Object.freeze(JSON)", "Array.prototype[7] = 1", "Promise.prototype.then = Promise.prototype.then"}) {
    User user(Builtins::watched);
    EXPECT_FALSE(user.runtime().has_changed_builtins());
    user.say(change);
    EXPECT_TRUE(user.runtime().has_changed_builtins()) << change;
  }
  User user(Builtins::watched);
  user.say(
      "globalThis.mine = [1, 2]; mine.push(3); globalThis.JSON = { ...JSON }; JSON.parse = 1; class A extends Array {}; A.prototype.x = 1;"
      "Error.stackTraceLimit = 3; const o = {}; o.toString = 1; Object.freeze(o); JSON.stringify(o)");
  EXPECT_FALSE(user.runtime().has_changed_builtins());
  User own(Builtins::own);
  EXPECT_EQ(own.say("Array.prototype.last = function () { return this[this.length - 1] }; [1, 2].last()"), "2");
}

TEST(SharedBuiltins, keep_nothing_of_users_that_have_ended) {
  const std::string script =
      "const weak = new WeakMap(); weak.set(Array.prototype, { weak }); weak.set(Math.abs, () => weak); const ref = new WeakRef(JSON);"
      "const registry = new FinalizationRegistry(() => registry); registry.register(Map, { registry });"
      "const cycle = { text: 'a text of its own' + Math.random() }; cycle.self = cycle; globalThis.kept = { cycle, ref, s: Symbol.for('s') "
      "};"
      "async function waits() { await new Promise(() => {}) } waits(); export default class extends Promise {}";
  std::size_t used = 0;
  for (int i = 0; i < 3000; ++i) {
    User user(Builtins::shared, script);
    ASSERT_TRUE(user.starts());
    user.say("const gone = {}; gone.gone = gone; globalThis['name' + " + std::to_string(i) + "] = gone");
    if (i % 10 == 0) JS_RunGC(JS_GetRuntime(user.runtime().context()));
    if (i == 1000) used = Heap::of_thread().used_bytes();
  }
  EXPECT_EQ(Heap::of_thread().used_bytes(), used);
}

TEST(SharedBuiltins, survive_a_user_whose_heap_is_full) {
  User neighbour;
  User greedy(Builtins::shared, "export default 1", std::size_t{2} << 20U);
  EXPECT_NE(greedy.say("const all = []; for (let i = 0; ; i++) all.push({ ['name' + i]: i })").find("out of memory"), std::string::npos);
  EXPECT_NE(greedy.say("'x'.repeat(4e6)").find("out of memory"), std::string::npos);
  EXPECT_EQ(neighbour.say("JSON.stringify({ a: [1, { name77: 2 }] })"), R"({"a":[1,{"name77":2}]})");
}

}  // namespace
}  // namespace gauntlet::engine::script
