#include "engine/output/http_push.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "base/loop_thread.hpp"

namespace gauntlet::engine::output {
namespace {

/// Before a body is tried again, times the attempt.
constexpr std::chrono::milliseconds kPause{300};
/// Of a refusing receiver's words in messages.
constexpr std::size_t kMostReplyBytes = 200;

std::size_t keep_some(char* data, std::size_t size, std::size_t count, void* opaque) {
  auto& text = *static_cast<std::string*>(opaque);
  text.append(data, std::min(size * count, kMostReplyBytes - std::min(kMostReplyBytes, text.size())));
  return size * count;
}

struct Outcome {
  bool taken = false;
  bool may_be_tried_again = false;
  std::string problem;
};

}  // namespace

struct HttpPush::State {
  struct Body {
    std::string url;
    std::string text;
    std::uint64_t samples = 0;
  };

  State(std::string its_name, PushTarget its_target, Tell its_tell)
      : name(std::move(its_name)), target(std::move(its_target)), tell(std::move(its_tell)) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    handle = curl_easy_init();
    for (const std::string& header : target.headers) headers = curl_slist_append(headers, header.c_str());
    headers = curl_slist_append(headers, "Expect:");
    thread = std::thread([this] { run(); });
  }
  ~State() {
    end();
    curl_slist_free_all(headers);
    curl_easy_cleanup(handle);
    curl_global_cleanup();
  }

  void end() {
    {
      const std::lock_guard lock(mutex);
      ending = true;
    }
    wake.notify_all();
    if (thread.joinable()) thread.join();
  }

  void run() {
    base::name_this_thread("push");
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [this] { return !waiting.empty() || ending; });
      if (ending) return;  // what still waits was given up by finish()
      const Body body = std::move(waiting.front());
      waiting.pop_front();
      busy = true;
      lock.unlock();
      const Outcome outcome = deliver(body);
      lock.lock();
      busy = false;
      if (outcome.taken) {
        ++pushed;
      } else {
        lose(body.samples);
        tell_once(outcome.problem);
      }
      if (waiting.empty()) idle.notify_all();
    }
  }

  Outcome deliver(const Body& body) {
    for (int attempt = 1;; ++attempt) {
      Outcome outcome = post(body);
      if (outcome.taken || !outcome.may_be_tried_again || attempt == kAttempts) return outcome;
      std::unique_lock lock(mutex);
      if (wake.wait_for(lock, kPause * attempt, [this] { return ending || giving_up; })) return outcome;
    }
  }

  Outcome post(const Body& body) {
    std::string reply;
    curl_easy_reset(handle);  // keeps its connections
    const auto set = [this](CURLoption option, const std::string& text) {
      if (!text.empty()) curl_easy_setopt(handle, option, text.c_str());
    };
    set(CURLOPT_URL, body.url);
    set(CURLOPT_USERNAME, target.username);
    set(CURLOPT_PASSWORD, target.password);
    set(CURLOPT_CAINFO, target.authority_path);
    set(CURLOPT_SSLCERT, target.client_certificate_path);
    set(CURLOPT_SSLKEY, target.client_key_path);
    if (target.accept_any_certificate) {
      curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(target.timeout.count()));
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_POST, 1L);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.text.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body.text.data());
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, keep_some);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &reply);
    if (const CURLcode code = curl_easy_perform(handle); code != CURLE_OK) {
      return {.taken = false,
              .may_be_tried_again = true,
              .problem = fmt::format("{} ({})", curl_easy_strerror(code), body.url)};
    }
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) return {.taken = true, .may_be_tried_again = false, .problem = ""};
    while (!reply.empty() && (reply.back() == '\n' || reply.back() == ' ')) reply.pop_back();
    return {.taken = false,
            .may_be_tried_again = status == 429 || status >= 500,
            .problem = fmt::format("{} answered {}{}{}", body.url, status, reply.empty() ? "" : ": ", reply)};
  }

  // With the mutex held.
  void lose(std::uint64_t samples) {
    ++lost_pushes;
    lost_samples += samples;
  }
  void tell_once(const std::string& problem) {
    if (std::exchange(told, true)) return;
    tell(fmt::format(
        "{} did not take what was sent to it: {}; the test goes on, the summary and the thresholds have every sample",
        name, problem));
  }

  const std::string name;
  const PushTarget target;
  const Tell tell;
  CURL* handle = nullptr;
  curl_slist* headers = nullptr;

  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable idle;
  std::deque<Body> waiting;
  bool busy = false;
  bool giving_up = false;
  bool ending = false;
  bool told = false;
  std::uint64_t pushed = 0;
  std::uint64_t lost_pushes = 0;
  std::uint64_t lost_samples = 0;
  std::thread thread;
};

HttpPush::HttpPush(std::string name, PushTarget target, Tell tell)
    : state_(std::make_unique<State>(std::move(name), std::move(target), std::move(tell))) {}

HttpPush::~HttpPush() = default;

void HttpPush::send(std::string body, std::uint64_t samples) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->waiting.size() >= kMostWaiting) {
      state_->lose(samples);
      return state_->tell_once(fmt::format("it is slower than the test, {} pushes wait already", kMostWaiting));
    }
    state_->waiting.push_back({state_->target.url, std::move(body), samples});
  }
  state_->wake.notify_one();
}

void HttpPush::announce(std::string url) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->waiting.push_back({std::move(url), "", 0});
  }
  state_->wake.notify_one();
}

void HttpPush::finish(std::chrono::milliseconds patience) {
  {
    std::unique_lock lock(state_->mutex);
    const auto all_sent = [this] { return state_->waiting.empty() && !state_->busy; };
    if (!state_->idle.wait_for(lock, patience, all_sent)) {
      state_->giving_up = true;
      for (const auto& body : state_->waiting) state_->lose(body.samples);
      state_->waiting.clear();
    }
  }
  state_->end();
  if (state_->lost_pushes == 0) return;
  state_->tell(fmt::format("{}: {} of {} pushes were lost, with {} samples", state_->name, state_->lost_pushes,
                           state_->lost_pushes + state_->pushed, state_->lost_samples));
}

}  // namespace gauntlet::engine::output
