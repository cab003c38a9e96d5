#include "engine/script/heap.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace gauntlet::engine::script {
namespace {

struct Block {
  unsigned char* bytes;
  std::size_t size;
  unsigned char mark;
};

void fill(Block& block, unsigned char mark) {
  block.mark = mark;
  std::memset(block.bytes, mark, block.size);
}

bool is_whole(const Block& block) {
  return std::all_of(block.bytes, block.bytes + block.size, [&](unsigned char byte) { return byte == block.mark; });
}

TEST(Heap, keeps_every_block_apart_from_all_others) {
  Heap heap;
  std::mt19937 random(1);
  const auto size_of_next = [&] {
    const std::uint32_t kind = random() % 16;
    const std::uint32_t most = kind < 10 ? 1100 : kind < 15 ? 20'000 : 300'000;
    return std::size_t{1} + random() % most;
  };
  std::vector<Block> blocks;
  for (int step = 0; step < 40'000; ++step) {
    const std::uint32_t what = random() % 8;
    if (blocks.size() < 20 || (what < 4 && blocks.size() < 1500)) {
      const std::size_t size = size_of_next();
      const bool zeroed = what == 0;
      Block made{static_cast<unsigned char*>(zeroed ? heap.allocate_zeroed(size) : heap.allocate(size)), size, 0};
      ASSERT_NE(made.bytes, nullptr);
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(made.bytes) % 8, 0U);
      ASSERT_GE(Heap::usable(made.bytes), size);
      if (zeroed) {
        ASSERT_TRUE(is_whole(made));
      }
      made.size = Heap::usable(made.bytes);  // all of it may be used
      fill(made, static_cast<unsigned char>(random()));
      blocks.push_back(made);
      continue;
    }
    Block& chosen = blocks[random() % blocks.size()];
    ASSERT_TRUE(is_whole(chosen));
    if (what == 4) {
      const std::size_t size = size_of_next();
      const std::size_t kept = std::min(size, chosen.size);
      chosen.bytes = static_cast<unsigned char*>(heap.resize(chosen.bytes, size));
      ASSERT_NE(chosen.bytes, nullptr);
      ASSERT_GE(Heap::usable(chosen.bytes), size);
      chosen.size = kept;
      ASSERT_TRUE(is_whole(chosen));
      chosen.size = size;
      fill(chosen, static_cast<unsigned char>(random()));
    } else {
      heap.release(chosen.bytes);
      chosen = blocks.back();
      blocks.pop_back();
    }
  }
  for (const Block& block : blocks) {
    ASSERT_TRUE(is_whole(block));
    heap.release(block.bytes);
  }
}

TEST(Heap, wastes_little_of_a_block) {
  Heap heap;
  for (std::size_t size = 1; size <= 16'000; ++size) {
    void* const block = heap.allocate(size);
    ASSERT_LE(Heap::usable(block), std::max(size + 64, size + size / 7 + 8)) << size;
    heap.release(block);
  }
}

TEST(Heap, cuts_up_what_is_free_before_it_takes_more) {
  Heap heap;
  const auto take = [&heap](std::size_t size, std::size_t count) {
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < count; ++i) blocks.push_back(heap.allocate(size));
    return blocks;
  };
  for (void* block : take(10'000, 1000)) heap.release(block);
  const std::size_t used = heap.used_bytes();
  EXPECT_GE(used, 10'000'000U);
  const std::vector<void*> small = take(1000, 9000);
  EXPECT_EQ(heap.used_bytes(), used);
  for (void* block : small) heap.release(block);
  for (void* block : take(1000, 9000)) heap.release(block);
  EXPECT_EQ(heap.used_bytes(), used);
}

TEST(Heap, lets_runtimes_come_and_go_beside_one_another) {
  Heap heap;
  const auto run = [](JSContext* context, const std::string& code) {
    const JSValue result = JS_Eval(context, code.c_str(), code.size(), "test.js", JS_EVAL_TYPE_GLOBAL);
    std::int32_t number = -1;
    JS_ToInt32(context, &number, result);
    JS_FreeValue(context, result);
    return number;
  };
  struct Free {
    void operator()(JSContext* context) const {
      JSRuntime* const runtime = JS_GetRuntime(context);
      JS_FreeContext(context);
      JS_FreeRuntime(runtime);
    }
  };
  using Script = std::unique_ptr<JSContext, Free>;
  const auto start = [&heap] { return Script(JS_NewContext(heap.new_runtime())); };
  std::vector<Script> scripts;
  std::size_t used = 0;
  for (int round = 0; round < 6; ++round) {
    while (scripts.size() < 20) scripts.push_back(start());
    // In turns: each keeps some of what it makes, and drops the rest.
    for (int turn = 0; turn < 20; ++turn) {
      for (std::size_t i = 0; i < scripts.size(); ++i) {
        const std::string number = std::to_string(i * 100 + static_cast<std::size_t>(turn));
        run(scripts[i].get(), "globalThis.kept = globalThis.kept || []; kept.push({ mine: `of " + number +
                                  "`, list: [1, 2, 3] });"
                                  "for (let i = 0; i < 20; i++) ({ gone: `x${i}`, f: () => i });");
      }
    }
    for (std::size_t i = 0; i < scripts.size(); ++i) {
      const std::string begin = std::to_string(i * 100);
      EXPECT_EQ(run(scripts[i].get(),
                    "kept.slice(-20).filter((each, n) => each.mine === `of ${" + begin + " + n}` && each.list.length === 3).length"),
                20);
    }
    if (round == 2) used = heap.used_bytes();
    // The first, the last, and one in the middle end.
    scripts.erase(scripts.begin());
    scripts.erase(scripts.begin() + 9);
    scripts.pop_back();
  }
  EXPECT_LT(heap.used_bytes(), used + used / 4 + 1'000'000);
}

}  // namespace
}  // namespace gauntlet::engine::script
