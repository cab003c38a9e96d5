#include "lab/process/process.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iterator>
#include <sstream>

#include "lab/process/proc_file.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;

std::string proc(pid_t pid, const char* entry) { return "/proc/" + std::to_string(pid) + "/" + entry; }

/// The fields of /proc/PID/stat from the third (state) on: the second, the name, may hold spaces and brackets.
std::vector<std::string> stat_fields(pid_t pid) {
  const std::string text = read_proc_file(proc(pid, "stat"));
  const auto after_name = text.rfind(')');
  if (after_name == std::string::npos) return {};
  std::istringstream words(text.substr(after_name + 1));
  return {std::istream_iterator<std::string>(words), {}};
}

std::uint64_t number(const std::string& text) { return std::strtoull(text.c_str(), nullptr, 10); }

std::chrono::nanoseconds ticks(std::uint64_t count) {
  static const auto per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return std::chrono::nanoseconds(count * (1'000'000'000U / per_second));
}

/// Where a /proc link leads, without the mark of a file that has been replaced since; empty when not ours to read.
std::string target_of(const std::string& link) {
  std::error_code error;
  std::string target = fs::read_symlink(link, error).string();
  static constexpr std::string_view kDeleted = " (deleted)";
  if (target.ends_with(kDeleted)) target.resize(target.size() - kDeleted.size());
  return target;
}

/// Whether it runs the file `program`, or ran it before that was replaced. A linker may move the file that it replaces to
/// another name beside it before deleting it (mold does), and the link in /proc goes along: then its own words count.
bool runs_program(pid_t pid, const std::string& program) {
  const std::string link = proc(pid, "exe");
  const fs::path target = target_of(link);
  if (target == program) return true;
  std::error_code error;
  const bool is_deleted = fs::read_symlink(link, error).string() != target;
  if (!is_deleted || target.parent_path() != fs::path(program).parent_path()) return false;
  const std::string words = read_proc_file(proc(pid, "cmdline"));
  return fs::path(words.c_str()).filename() == fs::path(program).filename();  // the first: they are separated by zeros
}

template <class Visit>
void for_each_pid(Visit visit) {
  for (const auto& name : names_in_proc("/proc")) {
    pid_t pid = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad == std::errc() && end == name.data() + name.size()) visit(pid);
  }
}

}  // namespace

std::optional<ProcessId> identify(pid_t pid) {
  const auto fields = stat_fields(pid);
  if (fields.size() < 20 || fields[0] == "Z" || fields[0] == "X") return std::nullopt;
  return ProcessId{pid, number(fields[19])};
}

std::string command_line_of(pid_t pid) {
  std::string text = read_proc_file(proc(pid, "cmdline"));
  while (!text.empty() && text.back() == '\0') text.pop_back();
  std::replace(text.begin(), text.end(), '\0', ' ');
  if (!text.empty()) return text;
  text = read_proc_file(proc(pid, "comm"));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::vector<ProcessId> find_processes(const fs::path& directory, const fs::path& program) {
  std::error_code error;
  const std::string wanted_directory = fs::weakly_canonical(directory, error).string();
  const std::string wanted_program = fs::weakly_canonical(program, error).string();
  std::vector<ProcessId> found;
  for_each_pid([&](pid_t pid) {
    if (target_of(proc(pid, "cwd")) != wanted_directory || !runs_program(pid, wanted_program)) return;
    if (auto process = identify(pid)) found.push_back(*process);
  });
  std::sort(found.begin(), found.end(),
            [](const ProcessId& a, const ProcessId& b) { return std::pair(a.start_ticks, a.pid) < std::pair(b.start_ticks, b.pid); });
  return found;
}

std::vector<ProcessId> find_runs_of_this_program(const std::string& argument) {
  const std::string ours = target_of("/proc/self/exe");
  std::vector<ProcessId> found;
  for_each_pid([&](pid_t pid) {
    if (!runs_program(pid, ours)) return;
    const std::string words = read_proc_file(proc(pid, "cmdline"));  // separated by zero bytes
    const auto first = words.find('\0');
    if (first == std::string::npos || words.compare(first + 1, argument.size() + 1, argument + '\0') != 0) return;
    if (auto process = identify(pid)) found.push_back(*process);
  });
  std::sort(found.begin(), found.end(),
            [](const ProcessId& a, const ProcessId& b) { return std::pair(a.start_ticks, a.pid) < std::pair(b.start_ticks, b.pid); });
  return found;
}

std::optional<CpuTime> cpu_time_of(pid_t pid) {
  const auto fields = stat_fields(pid);
  if (fields.size() < 15) return std::nullopt;
  return CpuTime{ticks(number(fields[11]) + number(fields[12])), ticks(number(fields[13]) + number(fields[14]))};
}

std::chrono::nanoseconds cpu_time_of_tree(pid_t root) {
  std::chrono::nanoseconds total{0};
  // Children first: one that ends in between is then counted twice at most for this reading, never lost for good.
  for_each_pid([&](pid_t pid) {
    const auto fields = stat_fields(pid);
    if (fields.size() >= 15 && fields[1] == std::to_string(root)) total += cpu_time_of_tree(pid);
  });
  if (const auto time = cpu_time_of(root)) total += time->own + time->reaped_children;
  return total;
}

}  // namespace gauntlet::lab
