#include "engine/script/native_memory.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/script/binding.hpp"

namespace gauntlet::engine::script {
namespace {

constexpr std::size_t kLimit = std::size_t{4} << 20;
constexpr std::size_t kMegabyte = std::size_t{1} << 20;

class NativeMemoryTest : public testing::Test {
 protected:
  NativeMemoryTest() : runtime(JS_NewRuntime()), context(JS_NewContext(runtime)) { JS_SetMemoryLimit(runtime, kLimit); }
  ~NativeMemoryTest() override {
    JS_FreeContext(context);
    JS_FreeRuntime(runtime);
  }
  std::string pending_message() {
    const Value error(context, JS_GetException(context));
    return Text(error.property("message")).str();
  }
  JSRuntime* const runtime;
  JSContext* const context;
};

/// What a script can hold, and put into a circle with itself.
struct Hoard {
  NativeMemory memory;
};

TEST_F(NativeMemoryTest, counts_until_its_owner_goes) {
  for (int round = 0; round < 10; ++round) {
    NativeMemory memory;
    EXPECT_TRUE(memory.charge(context, kMegabyte));
    EXPECT_TRUE(memory.charge(context, kMegabyte));
  }
}

TEST_F(NativeMemoryTest, leaves_the_heap_that_much_less) {
  NativeMemory memory;
  ASSERT_TRUE(memory.charge(context, 3 * kMegabyte));
  const Value too_much(context, new_array_buffer(context, std::string(kMegabyte, 'x')));
  EXPECT_TRUE(too_much.is_exception());
  EXPECT_NE(pending_message().find("limited to 4 MB (option maxHeapBytes)"), std::string::npos);
}

TEST_F(NativeMemoryTest, beyond_the_limit_counts_nothing_and_says_so) {
  NativeMemory memory;
  EXPECT_FALSE(memory.charge(context, kLimit));
  EXPECT_NE(pending_message().find("limited to 4 MB (option maxHeapBytes)"), std::string::npos);
  EXPECT_TRUE(memory.charge(context, 2 * kMegabyte));
}

TEST_F(NativeMemoryTest, moves_with_what_it_counted) {
  NativeMemory kept;
  {
    NativeMemory first;
    ASSERT_TRUE(first.charge(context, 3 * kMegabyte));
    kept = std::move(first);
  }
  NativeMemory second;
  EXPECT_FALSE(second.charge(context, kMegabyte));
  JS_FreeValue(context, JS_GetException(context));
  kept = NativeMemory();
  EXPECT_TRUE(second.charge(context, kMegabyte));
}

TEST_F(NativeMemoryTest, of_objects_that_hold_each_other_is_collected_before_it_is_refused) {
  Class<Hoard>::define(context, "Hoard", {});
  for (int round = 0; round < 20; ++round) {
    auto hoard = std::make_unique<Hoard>();
    ASSERT_TRUE(hoard->memory.charge(context, kMegabyte)) << round;
    const Value object(context, Class<Hoard>::create(context, std::move(hoard)));
    object.set("self", object);
  }
}

TEST_F(NativeMemoryTest, of_adopted_buffers_counts) {
  std::vector<Value> kept;
  for (int round = 0; round < 3; ++round) kept.emplace_back(context, adopt_array_buffer(context, std::string(kMegabyte, 'x')));
  for (const Value& each : kept) EXPECT_FALSE(each.is_exception());
  EXPECT_TRUE(Value(context, adopt_array_buffer(context, std::string(kMegabyte, 'x'))).is_exception());
  JS_FreeValue(context, JS_GetException(context));
  kept.clear();
  EXPECT_FALSE(Value(context, adopt_array_buffer(context, std::string(kMegabyte, 'x'))).is_exception());
}

}  // namespace
}  // namespace gauntlet::engine::script
