#include "engine/api/core/secrets.hpp"

#include <memory>
#include <string>
#include <utility>

#include "engine/script/binding.hpp"
#include "engine/users/test_state.hpp"
#include "engine/users/vu_context.hpp"

namespace gauntlet::engine::api {
namespace {

using script::Call;
using script::Self;
using script::Value;

/// A source that a script has chosen; "" stands for the default one.
struct ChosenSource {
  std::string name;
};

JSValue rejected(JSContext* context, const std::string& message) {
  script::throw_error(context, message);
  return script::rejected(context);
}

/// A promise, as sources may have to be asked over a network one day; here it is settled already.
JSValue get_from(JSContext* context, const std::string& source_name, const Call& call) {
  users::TestState& test = users::vu_of(context).test();
  const auto source = test.secrets.source(source_name);
  if (!source) return rejected(context, source.error().message);
  std::string key;
  if (call.has(0)) {
    const script::Text text(context, call.arg(0));
    if (text.failed()) return JS_EXCEPTION;
    key = text.str();
  }
  const auto found = (*source)->find(key);
  if (found == (*source)->end()) return rejected(context, "no value");
  // Before the script can print it.
  test.log.hide(found->second);
  if (test.console != nullptr && test.console != &test.log) test.console->hide(found->second);
  return script::resolved(context, script::new_string(context, found->second));
}

JSValue get(Call call) { return get_from(call.context, "default", call); }
JSValue get_of_source(Self<ChosenSource> self, Call call) { return get_from(self.context, self->name, call); }

JSValue source(Call call);
const script::Member kSecrets[] = {script::function<&get>("get", 1), script::function<&source>("source", 1)};
const script::Member kSource[] = {script::own(script::method<&get_of_source>("get", 1))};

JSValue source(Call call) {
  JSContext* const context = call.context;
  auto chosen = std::make_unique<ChosenSource>(ChosenSource{"default"});
  if (call.has(0)) {
    const script::Text text(context, call.arg(0));
    if (text.failed()) return JS_EXCEPTION;
    chosen->name = text.str();
  }
  if (const auto found = users::vu_of(context).test().secrets.source(chosen->name); !found) return rejected(context, found.error().message);
  Value object(context, script::Class<ChosenSource>::create(context, std::move(chosen)));
  if (object.is_exception()) return JS_EXCEPTION;
  JS_SetPropertyFunctionList(context, object.get(), kSource, static_cast<int>(std::size(kSource)));
  return script::resolved(context, object.release());
}

}  // namespace

void init_secrets(script::Module& module) {
  JSContext* const context = module.context();
  script::Class<ChosenSource>::define(context, "Object", {});
  Value secrets(context, JS_NewObject(context));
  JS_SetPropertyFunctionList(context, secrets.get(), kSecrets, static_cast<int>(std::size(kSecrets)));
  module.export_default(std::move(secrets));
}

}  // namespace gauntlet::engine::api
