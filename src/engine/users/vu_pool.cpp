#include "engine/users/vu_pool.hpp"

#include <algorithm>
#include <utility>

namespace gauntlet::engine::users {

/// Shared by the control thread, which waits, and the workers, which work it off; the last of them drops it.
struct VuPool::Batch {
  std::vector<std::vector<PooledVu*>> left;  // by worker, to be taken from the back
  std::atomic<std::size_t> workers_busy{0};
  std::atomic<bool> failed{false};
  std::optional<Failure> failure;  // of the one that set `failed`
  std::function<void(std::optional<Failure>)> done;
};

VuPool::VuPool(TestState& test, base::EventLoop& control, std::vector<std::unique_ptr<Worker>>& workers)
    : test_(test), control_(control), workers_(workers), free_(workers.size()), lent_(workers.size()) {}

VuPool::~VuPool() {
  for (auto& worker : workers_) {
    worker->run_and_wait([&] {
      for (auto& pooled : all_) {
        if (pooled->worker == worker.get()) pooled->vu.reset();
      }
    });
  }
}

void VuPool::initialize(std::int64_t count, std::function<void(std::optional<Failure>)> done) {
  auto batch = std::make_shared<Batch>();
  batch->left.resize(workers_.size());
  batch->done = std::move(done);
  batch->workers_busy = workers_.size();
  const std::size_t first = all_.size();
  for (std::size_t i = first; i < first + static_cast<std::size_t>(count); ++i) {
    all_.push_back(std::make_unique<PooledVu>());
    all_.back()->worker = workers_[i % workers_.size()].get();
    all_.back()->id = i + 1;
    all_.back()->place_in_line = ++given_back_;
    batch->left[i % workers_.size()].push_back(all_.back().get());
  }
  for (std::size_t w = 0; w < workers_.size(); ++w) {
    auto& mine = batch->left[w];
    free_[w].insert(free_[w].end(), mine.begin(), mine.end());
    std::reverse(mine.begin(), mine.end());
    workers_[w]->post([this, batch, &worker = *workers_[w]] { initialize_next(batch, worker); });
  }
}

void VuPool::initialize_next(std::shared_ptr<Batch> batch, Worker& worker) {
  auto& left = batch->left[worker.index()];
  if (left.empty() || batch->failed) {
    if (batch->workers_busy.fetch_sub(1) == 1) control_.post([batch] { batch->done(batch->failure); });
    return;
  }
  PooledVu* pooled = left.back();
  left.pop_back();
  pooled->vu = std::make_unique<Vu>(test_, worker.place(), pooled->id);
  Vu& vu = *pooled->vu;
  vu.post([this, batch, &worker, &vu] {
    auto failure = vu.initialize();
    if (!failure) test_.vus_initialized.fetch_add(1);
    if (failure && !batch->failed.exchange(true)) batch->failure = std::move(failure);
    worker.post([this, batch, &worker] { initialize_next(batch, worker); });
  });
}

void VuPool::initialize_one(std::function<void(PooledVu*)> done) {
  const auto fewest = std::min_element(workers_.begin(), workers_.end(), [&](const auto& a, const auto& b) {
    const auto load = [&](const Worker& w) { return lent_[w.index()] + static_cast<std::int64_t>(free_[w.index()].size()); };
    return load(*a) < load(*b);
  });
  Worker& worker = **fewest;
  all_.push_back(std::make_unique<PooledVu>());
  PooledVu* pooled = all_.back().get();
  pooled->worker = &worker;
  ++lent_[worker.index()];
  pooled->id = all_.size();
  worker.post([this, pooled, &worker, done = std::move(done)] {
    pooled->vu = std::make_unique<Vu>(test_, worker.place(), pooled->id);
    Vu& vu = *pooled->vu;
    vu.post([this, pooled, &vu, done] {
      const auto failure = vu.initialize();
      if (failure) {
        test_.log.write(LogLevel::error, "Error while initializing unplanned VU: " + failure->message);
      } else {
        test_.vus_initialized.fetch_add(1);
      }
      control_.post([pooled, done, ok = !failure] { done(ok ? pooled : nullptr); });
    });
  });
}

PooledVu* VuPool::take() {
  std::size_t best = free_.size();
  for (std::size_t w = 0; w < free_.size(); ++w) {
    if (free_[w].empty()) continue;
    const auto rank = [&](std::size_t worker) { return std::pair(lent_[worker], free_[worker].front()->place_in_line); };
    if (best == free_.size() || rank(w) < rank(best)) best = w;
  }
  if (best == free_.size()) return nullptr;
  PooledVu* vu = free_[best].front();
  free_[best].pop_front();
  ++lent_[best];
  return vu;
}

void VuPool::give_back(PooledVu* vu) {
  --lent_[vu->worker->index()];
  vu->place_in_line = ++given_back_;
  free_[vu->worker->index()].push_back(vu);
}

}  // namespace gauntlet::engine::users
