#pragma once
// The supervisor's ear: a unix socket that takes one line of JSON per connection and answers with one line.
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "lab/process/launch.hpp"
#include "lab/stack/stack_directory.hpp"

namespace gauntlet::lab {

/// Belongs to the loop's thread. Only the socket's owner (and root) can connect.
class ControlServer final : base::IoHandler {
 public:
  using Answer = std::function<std::string(const std::string& request)>;

  static base::Expected<std::unique_ptr<ControlServer>> listen(base::EventLoop& loop, const std::filesystem::path& socket, Answer answer);
  ~ControlServer() override;

 private:
  class Caller;
  ControlServer(base::EventLoop& loop, Descriptor listener, Answer answer);
  void on_io(std::uint32_t events) override;

  base::EventLoop& loop_;
  Descriptor listener_;
  const Answer answer_;
  std::list<std::unique_ptr<Caller>> callers_;
};

/// What every command says that needs a stack which is up.
base::Error stack_not_up();

/// Asks the supervisor behind `socket` and waits for its answer. stack_not_up() when nobody listens there.
base::Expected<std::string> ask_supervisor(const std::filesystem::path& socket, const std::string& request);

}  // namespace gauntlet::lab
