#pragma once
// The bytes of a response, made of pieces that are not copied until the kernel takes them: long-lived fragments are
// referenced, the few rendered bytes between them are owned.
//
//   Body body;
//   body.append_view(challenge.json_head);        // lives as long as the config snapshot
//   body.append_copy(R"("progress":7)");
//   body.keep(config_snapshot);                   // ... which this holds until the last byte is sent
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gauntlet::base::http {

class Body {
 public:
  Body() = default;
  /// Owns `text`.
  Body(std::string text) : arena_(std::move(text)), size_(arena_.size()) {
    if (size_ != 0) pieces_.push_back({nullptr, 0, size_});
  }
  Body(const char* text) : Body(std::string(text)) {}

  /// References `text`, which lives as long as the program.
  static Body of_static(std::string_view text) {
    Body body;
    body.append_view(text);
    return body;
  }

  /// Adds a reference to `text`; the caller sees to it (or keep() does) that it outlives the response.
  void append_view(std::string_view text) {
    if (text.empty()) return;
    pieces_.push_back({text.data(), 0, text.size()});
    size_ += text.size();
  }
  /// Adds a copy of `text`; consecutive copies share one piece.
  void append_copy(std::string_view text) {
    if (text.empty()) return;
    if (!pieces_.empty() && pieces_.back().data == nullptr) {
      pieces_.back().size += text.size();
    } else {
      pieces_.push_back({nullptr, arena_.size(), text.size()});
    }
    arena_.append(text);
    size_ += text.size();
  }
  /// Holds what append_view() referenced until the response is sent or its connection is gone. Shared, because a
  /// config snapshot is used by all responses that were rendered from it.
  void keep(std::shared_ptr<const void> owner) { owners_.push_back(std::move(owner)); }
  /// Makes room for `pieces` pieces and `bytes` copied bytes.
  void reserve(std::size_t pieces, std::size_t bytes) {
    pieces_.reserve(pieces);
    arena_.reserve(bytes);
  }

  std::size_t size() const { return size_; }
  /// Bytes of memory that it holds itself; what it references is somebody else's.
  std::size_t memory() const { return arena_.capacity() + pieces_.capacity() * sizeof(Piece); }
  bool empty() const { return size_ == 0; }
  std::size_t piece_count() const { return pieces_.size(); }
  /// Valid until the body changes or moves.
  std::string_view piece(std::size_t index) const {
    const Piece& piece = pieces_[index];
    return {piece.data != nullptr ? piece.data : arena_.data() + piece.offset, piece.size};
  }
  /// Empties it and frees its memory, which assigning an empty body keeps (as strings do).
  void release() { const Body old = std::exchange(*this, Body()); }
  /// All of it as one string; for tests and small bodies.
  std::string text() const {
    std::string all;
    all.reserve(size_);
    for (std::size_t i = 0; i < pieces_.size(); ++i) all.append(piece(i));
    return all;
  }

 private:
  struct Piece {
    const char* data;  // null: at `offset` in arena_, which may still grow and move
    std::size_t offset;
    std::size_t size;
  };
  std::string arena_;
  std::vector<Piece> pieces_;
  std::size_t size_ = 0;
  std::vector<std::shared_ptr<const void>> owners_;
};

}  // namespace gauntlet::base::http
