// Script text: whatever it says, it ends, with a result or an error.
#include "engine/script/fiber/fiber.hpp"
#include "engine/script/json/parse.hpp"
#include "engine/script/program.hpp"
#include "engine/script/runtime.hpp"
#include "fuzz/bytes.hpp"

using namespace gauntlet::engine;

namespace {

/// Stops endless loops after a number of ticks, as the engine does at an iteration's hard stop.
class Patience final : public script::Host {
 public:
  bool on_script_tick() override { return ++ticks_ > 3; }

 private:
  int ticks_ = 0;
};

constexpr script::Natives kNoModules{{}, &json::install, [](std::string_view) { return std::string(); }};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static fiber::StackPool stacks;
  const std::string text(gauntlet::fuzz::Bytes(data, size).rest().substr(0, 4096));
  if (text.find("k6") != std::string::npos) return 0;  // our modules need a virtual user around them
  fiber::Fiber user(stacks, [&text] {
    const auto program = script::Program::from_text(text);
    Patience patience;
    script::Runtime runtime(*program, kNoModules, patience, nullptr, fiber::StackPool::kStackBytes);
    const script::Value ran = runtime.start_entry();
    if (ran.is_exception()) {
      const script::Value thrown(runtime.context(), JS_GetException(runtime.context()));
      static_cast<void>(script::describe_exception(runtime.context(), thrown.get()));
    }
    runtime.run_jobs();
    static_cast<void>(runtime.take_unhandled_rejections());
  });
  user.resume();
  return 0;
}
