#include "lab/profile/profile_collection.hpp"

#include <fmt/format.h>

#include <mutex>
#include <thread>

#include "base/system_error.hpp"
#include "lab/atomic_file.hpp"
#include "lab/profile/profile.hpp"
#include "lab/target/http_fetch.hpp"

namespace gauntlet::lab {
namespace {

constexpr std::chrono::milliseconds kPatience{15'000};  // beyond the profile's own length

base::Expected<void> take(const ServerPage& server, const std::string& prefix, const std::string& kind, const ProfileRequest& request) {
  const bool is_cpu = kind == "cpu";
  const std::string url = server.url + (is_cpu           ? fmt::format("/profile?seconds={}", request.cpu.count())
                                        : kind == "heap" ? "/heap"
                                                         : "/goroutine");
  HttpFetcher http;
  auto bytes =
      TRY(http.body_of({.url = url, .headers = {}, .post = {}, .timeout = kPatience + (is_cpu ? request.cpu : std::chrono::seconds(0))}));
  auto profile = read_profile(bytes);
  if (!profile) return tl::unexpected(std::move(profile.error()).in(url));
  if (is_cpu && profile->duration_ns == 0) profile->duration_ns = std::chrono::nanoseconds(request.cpu).count();
  const std::string stem = fmt::format("{}{}_{}", prefix, kind, request.level);
  for (const auto& [name, content] :
       {std::pair(stem + ".txt", bytes), std::pair(stem + ".top.txt", top_text(*profile)),
        std::pair(stem + ".svg", flame_svg(*profile, fmt::format("{}, {} at {}", server.name, kind, request.level)))})
    if (auto written = write_file_atomically(request.folder / name, content); !written) return written;
  return {};
}

}  // namespace

base::Expected<std::vector<std::string>> collect_profiles(const Target& target, const ProfileRequest& request) {
  std::error_code error;
  std::filesystem::create_directories(request.folder, error);
  if (error) return tl::unexpected(base::system_error(error.value(), "cannot make " + request.folder.string()));
  std::mutex mutex;
  std::vector<std::string> problems;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < target.pprof.size(); ++i)
    threads.emplace_back([&, i] {
      const ServerPage& server = target.pprof[i];
      std::string prefix = i == 0 ? "" : server.name + "_";
      if (prefix.starts_with("challenge-")) prefix.erase(0, 10);
      for (const char* kind : {"cpu", "heap", "goroutine"})
        if (auto taken = take(server, prefix, kind, request); !taken) {
          const std::lock_guard lock(mutex);
          problems.push_back(fmt::format("{} of {}: {}", kind, server.name, taken.error().message));
        }
    });
  for (auto& thread : threads) thread.join();
  return problems;
}

}  // namespace gauntlet::lab
