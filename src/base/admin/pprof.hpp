#pragma once
// The routes below /debug/pprof/, in the formats and words of Go's net/http/pprof; those of memory where tcmalloc is linked.
// However many ask, the other threads do not feel it (turns.hpp), and no profile can stop them (stack_walk.hpp).
#include <memory>

#include "base/http/router.hpp"

namespace gauntlet::base::admin {

class Pprof {
 public:
  /// `from_anywhere`: also answers callers that are not on this machine.
  explicit Pprof(bool from_anywhere);
  ~Pprof();
  Pprof(const Pprof&) = delete;
  Pprof& operator=(const Pprof&) = delete;

  /// Must outlive the router's listener.
  void add_routes(http::Router& router);
  /// Makes tcmalloc sample allocations from now on, for heap.
  static void start_heap_sampling();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gauntlet::base::admin
