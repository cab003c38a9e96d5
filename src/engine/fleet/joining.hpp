#pragma once
// Agents that call their leader, where no carrier can start them: TLS 1.3 whose keys come from a token that both sides know (an external
// PSK with Diffie-Hellman, RFC 8446), so that there are no certificates, and who does not know it is not heard. A process of its own
// carries the words of each on the leader's side (`gauntlet agent --listen`), so that the leader has a carrier as any other.
#include <chrono>
#include <memory>
#include <string>

#include "base/error.hpp"

namespace gauntlet::engine::fleet {

inline constexpr std::size_t kShortestToken = 32;

/// Whether agents can join there: invalid_argument for an address that is not HOST:PORT, a token that can be guessed, and none where
/// others can reach the address; the system's error where somebody else listens there.
base::Expected<void> check_joining(const std::string& address, const std::string& token);

/// A connection to the other side, by whose token it is encrypted.
class Joined {
 public:
  /// Connects, again and again for `patience` while nobody listens there; permission_denied at once when the token is another one,
  /// invalid_argument for one that would not keep others out.
  static base::Expected<Joined> connect(const std::string& address, const std::string& token, std::chrono::seconds patience);
  /// Waits for one who knows the token; others are turned away; of who has another token standard error tells. Several processes can wait
  /// at one address. cancelled once the other end of `until` is closed.
  static base::Expected<Joined> accept(const std::string& address, const std::string& token, int until);
  Joined(Joined&&) noexcept;
  Joined& operator=(Joined&&) noexcept;
  ~Joined();

  /// Carries bytes from `from` to the other side and from there to `to` until either side ends.
  void carry(int from, int to);

 private:
  struct State;
  explicit Joined(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gauntlet::engine::fleet
