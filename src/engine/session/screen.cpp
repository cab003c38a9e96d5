#include "engine/session/screen.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/sinks/terminal/terminal.hpp"

namespace gauntlet::engine::session {

Screen::Screen(std::FILE* out, users::Log& log, bool color)
    : out_(out), log_(log), terminal_(isatty(fileno(out)) == 1), color_(terminal_ && color) {
  if (terminal_ && isatty(STDERR_FILENO) == 1) log_.write_through(&write_log_line, this);
}

Screen::~Screen() { log_.write_through(nullptr, nullptr); }

std::size_t Screen::columns() const {
  winsize size{};
  if (!terminal_ || ioctl(fileno(out_), TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

void Screen::write(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), out_);
  std::fflush(out_);
}

void Screen::print(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (drawn_.empty()) {
    write(text);
  } else {
    write(sinks::over_progress(std::string(text)) + sinks::redrawn(drawn_));
  }
}

void Screen::show_progress(const std::string& block) {
  const std::lock_guard lock(mutex_);
  if (!terminal_) {
    write(block);
    return;
  }
  drawn_ = block;
  write(sinks::redrawn(block));
}

void Screen::end_progress() {
  const std::lock_guard lock(mutex_);
  if (!drawn_.empty()) write("\x1b[J");  // the cursor is at its first line
  drawn_.clear();
}

void Screen::write_log_line(void* self, std::string_view line) { static_cast<Screen*>(self)->print(line); }

}  // namespace gauntlet::engine::session
