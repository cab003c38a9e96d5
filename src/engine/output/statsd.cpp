#include "engine/output/statsd.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/output/number_text.hpp"
#include "engine/run/options.hpp"

namespace gauntlet::engine::output {
namespace {

/// What goes through an Ethernet without being cut.
constexpr std::size_t kMostPacketBytes = 1432;

/// In names these have a meaning.
std::string plain_name(std::string_view text) {
  std::string name(text);
  for (char& c : name) {
    if (c == ':' || c == '|' || c == '@' || c == '#' || c == ' ' || c == '\n' || c == ',') c = '_';
  }
  return name;
}

}  // namespace

base::Expected<StatsdOptions> read_statsd_options(const std::string& argument, const Variables& variable) {
  StatsdOptions options;
  const std::string address = !argument.empty() ? argument : text_of(variable, "K6_STATSD_ADDR");
  if (!address.empty()) options.address = address;
  if (options.address.find(':') == std::string::npos) options.address += ":8125";
  if (variable("K6_STATSD_NAMESPACE") != nullptr) options.name_space = text_of(variable, "K6_STATSD_NAMESPACE");
  auto interval = interval_of(variable, "K6_STATSD_PUSH_INTERVAL", options.push_interval);
  if (!interval) return tl::unexpected(std::move(interval.error()));
  options.push_interval = *interval;
  if (const std::string size = text_of(variable, "K6_STATSD_BUFFER_SIZE"); !size.empty()) {
    const auto lines = run::parse_integer(size);
    if (!lines || *lines < 1 || *lines > 1000) {
      return base::fail(base::ErrorKind::invalid_argument,
                        fmt::format("K6_STATSD_BUFFER_SIZE: \"{}\" is no number of lines from 1 to 1000", size));
    }
    options.lines_per_packet = static_cast<std::size_t>(*lines);
  }
  auto tags = switch_of(variable, "K6_STATSD_ENABLE_TAGS", false);
  if (!tags) return tl::unexpected(std::move(tags.error()));
  options.tags = *tags;
  if (variable("K6_STATSD_TAG_BLOCKLIST") != nullptr) options.tag_blocklist = list_of(text_of(variable, "K6_STATSD_TAG_BLOCKLIST"));
  return options;
}

base::Expected<std::unique_ptr<StatsdOutput>> StatsdOutput::open(StatsdOptions options, const metrics::MetricRegistry& registry,
                                                                 Tell tell) {
  const std::size_t colon = options.address.rfind(':');
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(options.address.substr(0, colon).c_str(), options.address.substr(colon + 1).c_str(), &wanted, &found);
  if (code != 0) {
    return base::fail(
        base::ErrorKind::invalid_argument,
        fmt::format("\"{}\" has no address: {}; K6_STATSD_ADDR or --out statsd=HOST:PORT says where", options.address, gai_strerror(code)));
  }
  int socket = -1;
  std::string problem;
  for (const addrinfo* at = found; at != nullptr && socket < 0; at = at->ai_next) {
    socket = ::socket(at->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket >= 0 && connect(socket, at->ai_addr, at->ai_addrlen) == 0) break;
    problem = std::strerror(errno);
    if (socket >= 0) close(socket);
    socket = -1;
  }
  freeaddrinfo(found);
  if (socket < 0) return base::fail(base::ErrorKind::unavailable, fmt::format("{}: {}", options.address, problem));
  return std::unique_ptr<StatsdOutput>(new StatsdOutput(std::move(options), registry, std::move(tell), socket));
}

StatsdOutput::~StatsdOutput() { close(socket_); }

void StatsdOutput::define_tags(std::uint32_t producer, std::uint32_t id, const metrics::StreamedTags& tags) {
  const auto pairs = sorted_pairs(tags);
  TagText& text = tags_.define(producer, id);
  text = {};
  const auto& blocked = options_.tag_blocklist;
  for (const auto& [name, value] : pairs) {
    if (name == metrics::name_of(metrics::SystemTag::check)) text.check = plain_name(value);
    if (!options_.tags || value.empty() || std::find(blocked.begin(), blocked.end(), name) != blocked.end()) continue;
    text.tags += fmt::format("{}{}:{}", text.tags.empty() ? "|#" : ",", plain_name(name), plain_name(value));
  }
}

void StatsdOutput::consume(const metrics::StreamedSample& sample) {
  const metrics::MetricInfo& info = registry_.info(sample.metric);
  const TagText& tags = tags_.get(sample);
  line_ = options_.name_space;
  const auto add = [&](std::string_view value, std::string_view type) { line_.append(":").append(value).append("|").append(type); };
  switch (info.type) {
    case metrics::MetricType::counter:
      line_ += info.name;
      add(js_number(sample.value), "c");
      break;
    case metrics::MetricType::gauge:
      line_ += info.name;
      add(js_number(sample.value), "g");
      break;
    case metrics::MetricType::trend:
      line_ += info.name;
      add(js_number(sample.value), "ms");
      break;
    case metrics::MetricType::rate:
      line_ += tags.check.empty() ? info.name : "check." + tags.check;
      line_ += sample.value != 0 ? ".pass" : ".fail";
      add("1", "c");
      break;
  }
  line_ += tags.tags;
  if (!packet_.empty() && packet_.size() + 1 + line_.size() > kMostPacketBytes) send_packet();
  if (!packet_.empty()) packet_ += '\n';
  packet_ += line_;
  if (++lines_ >= options_.lines_per_packet) send_packet();
}

void StatsdOutput::send_packet() {
  if (lines_ == 0) return;
  // ECONNREFUSED belongs to an earlier packet: nobody listens there.
  const bool taken = ::send(socket_, packet_.data(), packet_.size(), MSG_NOSIGNAL) >= 0;
  const int problem = errno;
  (taken ? sent_ : lost_) += lines_;
  if (!taken && lost_ == lines_) {
    tell_(
        fmt::format("StatsD at {} did not take what was sent to it: {}; the test goes on, the summary and the "
                    "thresholds have every sample",
                    options_.address, std::strerror(problem)));
  }
  packet_.clear();
  lines_ = 0;
}

void StatsdOutput::tick(Clock::time_point now) {
  if (now - pushed_ < options_.push_interval) return;
  pushed_ = now;
  send_packet();
}

base::Expected<void> StatsdOutput::finish() {
  send_packet();
  if (lost_ != 0) tell_(fmt::format("StatsD at {}: {} of {} samples were lost", options_.address, lost_, lost_ + sent_));
  return {};
}

}  // namespace gauntlet::engine::output
