#include "lab/monitor/redis_info.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "lab/process/launch.hpp"

namespace gauntlet::lab {
namespace {

using base::ErrorKind;

std::string command(const std::vector<std::string>& words) {
  std::string out = fmt::format("*{}\r\n", words.size());
  for (const auto& word : words) out += fmt::format("${}\r\n{}\r\n", word.size(), word);
  return out;
}

base::Error no_answer(const RedisAddress& address, const std::string& why) {
  return {ErrorKind::unavailable, fmt::format("Redis at {}:{}: {}", address.host, address.port, why)};
}

base::Expected<Descriptor> connect_to(const RedisAddress& address) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &wanted, &found); code != 0)
    return tl::unexpected(no_answer(address, ::gai_strerror(code)));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> release(found, &::freeaddrinfo);
  Descriptor socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{2, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(socket.get(), found->ai_addr, found->ai_addrlen) != 0) return tl::unexpected(no_answer(address, std::strerror(errno)));
  return socket;
}

}  // namespace

std::map<std::string, std::string> parse_redis_info(const std::string& text) {
  std::map<std::string, std::string> values;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const auto colon = line.find(':');
    if (line.empty() || line[0] == '#' || colon == std::string::npos) continue;
    values[line.substr(0, colon)] = line.substr(colon + 1);
  }
  return values;
}

base::Expected<std::map<std::string, std::string>> redis_info(const RedisAddress& address) {
  auto socket = TRY(connect_to(address));
  std::string request;
  if (!address.password.empty()) request += command({"AUTH", address.password});
  request += command({"INFO"});
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
    return tl::unexpected(no_answer(address, std::strerror(errno)));
  std::string answer;
  char chunk[16384];
  for (;;) {
    const ssize_t size = ::recv(socket.get(), chunk, sizeof chunk, 0);
    if (size <= 0) return tl::unexpected(no_answer(address, size == 0 ? "it closed the connection" : std::strerror(errno)));
    answer.append(chunk, static_cast<std::size_t>(size));
    if (const auto error = answer.find('-'); error == 0 || answer.find("\r\n-") != std::string::npos)
      return tl::unexpected(no_answer(address, answer.substr(answer[0] == '-' ? 1 : answer.find("\r\n-") + 3, 100)));
    const auto bulk = answer.find('$');
    if (bulk == std::string::npos) continue;
    const auto line = answer.find("\r\n", bulk);
    if (line == std::string::npos) continue;
    const std::size_t length = std::strtoull(answer.c_str() + bulk + 1, nullptr, 10);
    if (answer.size() >= line + 2 + length) return parse_redis_info(answer.substr(line + 2, length));
  }
}

}  // namespace gauntlet::lab
