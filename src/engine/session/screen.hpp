#pragma once
// Standard output and log of a run, which share a terminal: progress is drawn below whatever is printed. Elsewhere
// progress is a block a second.
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/users/log.hpp"

namespace gauntlet::engine::session {

/// Thread-safe.
class Screen {
 public:
  /// Takes over the writing of `log` while it lives, when both are terminals.
  Screen(std::FILE* out, users::Log& log, bool color);
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  bool is_terminal() const { return terminal_; }
  bool color() const { return color_; }
  std::size_t columns() const;

  /// Prints below what is there and above the progress.
  void print(std::string_view text);
  /// Draws over the last progress on a terminal, prints elsewhere.
  void show_progress(const std::string& block);
  /// Wipes the drawn progress, if there is any: what is printed from now on stays.
  void end_progress();

 private:
  static void write_log_line(void* self, std::string_view line);
  void write(std::string_view text);

  std::FILE* out_;
  users::Log& log_;
  bool terminal_;
  bool color_;
  std::mutex mutex_;
  std::string drawn_;  // the progress that is on the terminal now
};

}  // namespace gauntlet::engine::session
