// Preloaded into a program under test (LD_PRELOAD): its calendar time is the machine's plus so many seconds as the
// eight bytes of the file STEPPED_CLOCK say, which the test may change at any time; monotonic clocks stay as they are.
// By system call, since an allocator may ask for the time before anything can be looked up.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

constexpr std::atomic<std::int64_t>* kNotLooked = nullptr;
std::atomic<std::atomic<std::int64_t>*> the_step = kNotLooked;
std::atomic<std::int64_t> no_step = 0;

std::atomic<std::int64_t>& step() {
  if (auto* known = the_step.load()) return *known;
  auto* found = &no_step;
  const char* path = std::getenv("STEPPED_CLOCK");
  const int fd = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    void* mapped = mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED) found = static_cast<std::atomic<std::int64_t>*>(mapped);
    close(fd);
  }
  the_step = found;
  return *found;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const long failed = syscall(SYS_clock_gettime, clock, time);
  if (failed == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += step().load(std::memory_order_relaxed);
  return static_cast<int>(failed);
}

int gettimeofday(timeval* time, void*) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  *time = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* result) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (result != nullptr) *result = now.tv_sec;
  return now.tv_sec;
}

}  // extern "C"
