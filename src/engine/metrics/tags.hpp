#pragma once
// Tags of samples. Equal tag sets are one object within a thread, so that recording a sample finds where it goes by
// following a pointer. A virtual user keeps its standing tags in Tags (scenario, group, its own); what belongs to one
// sample is laid over them with a TagBuilder:
//
//   TagBuilder tags(vu.tags());
//   tags.set(SystemTag::method, "GET").set(SystemTag::status, "200").set("kind", "list");
//   vu.recorder().add(MetricId::http_reqs, tags.intern(), 1, now);
//
// Costs about 100 ns for a request's ten tags once the set is known. Everything here belongs to one thread.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::engine::metrics {

/// k6's system tags in alphabetical order, as its CSV columns are.
enum class SystemTag : std::uint8_t {
  check,
  error,
  error_code,
  expected_response,
  group,
  ip,
  method,
  name,
  ocsp_status,
  proto,
  scenario,
  service,
  status,
  subproto,
  tls_version,
  url,
};
inline constexpr std::size_t kSystemTagCount = 16;

std::string_view name_of(SystemTag tag);

/// Which of them are recorded (`--system-tags`). `vu` and `iter` are no tags but metadata of single samples.
struct SystemTagSet {
  std::uint32_t mask = 0;
  bool vu = false;
  bool iter = false;

  bool has(SystemTag tag) const { return (mask >> static_cast<unsigned>(tag) & 1U) != 0; }
  /// proto, subproto, status, method, url, name, group, check, error, error_code, tls_version, scenario, service,
  /// expected_response.
  static SystemTagSet defaults();
  /// From their names; fails on an unknown one.
  static base::Expected<SystemTagSet> from_names(const std::vector<std::string>& names);
};

class TagTable;
class TagBuilder;
class Tags;
class Recorder;
class SampleWriter;

/// One distinct set of tags, owned by its TagTable. Valid until the next intern() of that table, unless a Tags or a
/// Saved stands on it.
class TagSet {
 public:
  /// Empty when the set does not have it; a tag that is set to "" is told apart by has().
  std::string_view get(SystemTag tag) const { return system_[static_cast<std::size_t>(tag)]; }
  bool has(SystemTag tag) const { return (present_ >> static_cast<unsigned>(tag) & 1U) != 0; }
  /// The others, sorted by name.
  const std::vector<std::pair<std::string_view, std::string_view>>& user() const { return user_; }
  /// Of a system or other tag by name; nullptr when it is not set.
  const std::string_view* find(std::string_view name) const;

 private:
  friend class TagTable;
  friend class TagBuilder;
  friend class Tags;
  friend class Recorder;
  friend class SampleWriter;

  /// Where samples of one metric with these tags go: places in the thread's window.
  struct Route {
    std::uint32_t begin = 0;
    std::uint32_t count = kUnknown;
    static constexpr std::uint32_t kUnknown = 0xffffffff;
  };

  std::uint64_t hash_ = 0;
  std::uint32_t present_ = 0;
  std::uint32_t pins_ = 0;
  std::uint32_t stream_id_ = 0;  // by which the sample stream knows it, within an epoch of that
  std::uint32_t stream_epoch_ = 0;
  std::array<std::string_view, kSystemTagCount> system_{};
  std::vector<std::pair<std::string_view, std::string_view>> user_;
  std::unique_ptr<char[]> text_;  // what all the views look into
  std::size_t bytes_ = 0;
  std::vector<Route> routes_;          // by metric, filled as they are used
  std::vector<std::uint32_t> places_;  // what routes point into
};

/// The distinct tag sets of one thread. Memory is bounded: when kMaxSets or kMaxBytes are reached (random URLs as
/// names), all sets that are not pinned are forgotten and made anew when they come again.
class TagTable {
 public:
  static constexpr std::size_t kMaxSets = 32'768;
  static constexpr std::size_t kMaxBytes = 16U << 20U;

  explicit TagTable(SystemTagSet enabled = SystemTagSet::defaults());
  ~TagTable();
  TagTable(const TagTable&) = delete;
  TagTable& operator=(const TagTable&) = delete;

  const SystemTagSet& enabled() const { return enabled_; }
  /// The set without tags; always there.
  TagSet* empty() { return empty_; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return bytes_; }
  /// How often everything unpinned was forgotten; above zero, some tag has too many values.
  std::uint64_t sweeps() const { return sweeps_; }

 private:
  friend class TagBuilder;
  friend class Tags;

  TagSet* find(const TagBuilder& builder) const;
  TagSet* insert(const TagBuilder& builder);
  void place(std::unique_ptr<TagSet> set);
  void rebuild(std::size_t slots, bool only_pinned);

  SystemTagSet enabled_;
  std::vector<std::unique_ptr<TagSet>> slots_;  // open addressing by hash, a power of two
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t sweeps_ = 0;
  TagSet* empty_ = nullptr;
  std::vector<std::pair<std::string_view, std::string_view>> spare_user_;  // memory lent to builders
};

/// What goes with a sample beside its tags and is not indexed: only the points and CSV outputs show it.
struct Metadata {
  std::uint64_t vu = 0;
  std::uint64_t iter = 0;
  std::vector<std::pair<std::string, std::string>> user;  ///< exec.vu.metrics.metadata
};

/// The standing tags of a virtual user (or of setup, teardown): they apply to every sample until changed.
class Tags {
 public:
  explicit Tags(TagTable& table);
  ~Tags();
  Tags(const Tags&) = delete;
  Tags& operator=(const Tags&) = delete;

  /// Tags that are not enabled are ignored. The strings are copied. About 100 ns.
  void set(SystemTag tag, std::string_view value);
  /// A user's tag, or a system tag by its name.
  void set(std::string_view name, std::string_view value);
  void erase(std::string_view name);
  void clear();
  /// Remembers a state (before a group, before an iteration) ...
  class Saved;
  Saved save();
  /// ... and goes back to it.
  void restore(const Saved& saved);
  /// Keeps a set that a builder has made.
  static Saved keep(TagSet* set);

  const TagSet& current() const { return *current_; }
  TagSet* set_pointer() const { return current_; }
  TagTable& table() const { return table_; }

  Metadata& metadata() { return metadata_; }
  const Metadata& metadata() const { return metadata_; }

 private:
  void become(TagSet* next);

  TagTable& table_;
  TagSet* current_;  // pinned
  Metadata metadata_;
};

/// Keeps a state of Tags alive. Of the same thread; must not outlive the table.
class Tags::Saved {
 public:
  Saved(Saved&& other) noexcept : set_(std::exchange(other.set_, nullptr)) {}
  Saved& operator=(Saved&& other) noexcept {
    std::swap(set_, other.set_);
    return *this;
  }
  ~Saved();

  TagSet* set_pointer() const { return set_; }

 private:
  friend class Tags;
  explicit Saved(TagSet* set);
  TagSet* set_;
};

/// A tag set under construction, over a standing one. Lives on the stack; the strings it is given must live until
/// intern(). What is set twice has the last value.
class TagBuilder {
 public:
  explicit TagBuilder(const Tags& base) : TagBuilder(base.table(), base.set_pointer()) {}
  TagBuilder(TagTable& table, const TagSet* base);
  ~TagBuilder();
  TagBuilder(const TagBuilder&) = delete;
  TagBuilder& operator=(const TagBuilder&) = delete;

  TagBuilder& set(SystemTag tag, std::string_view value);
  TagBuilder& set(std::string_view name, std::string_view value);
  TagBuilder& erase(SystemTag tag);
  TagBuilder& erase(std::string_view name);
  bool has(SystemTag tag) const { return (present_ >> static_cast<unsigned>(tag) & 1U) != 0; }
  std::string_view get(SystemTag tag) const { return system_[static_cast<std::size_t>(tag)]; }

  /// The one object for these tags; see TagSet for how long it is valid.
  TagSet* intern();

 private:
  friend class TagTable;
  using UserTags = std::vector<std::pair<std::string_view, std::string_view>>;
  UserTags& own_user();
  /// In order only after settle().
  const UserTags& user() const { return user_copied_ ? user_ : base_->user_; }
  void settle();

  TagTable& table_;
  const TagSet* base_;
  std::uint64_t hash_;
  std::uint32_t present_;
  std::array<std::string_view, kSystemTagCount> system_;
  UserTags user_;  // only once it differs from the base's
  bool user_copied_ = false;
  std::size_t in_order_ = 0;  // of user_; what was set after these is sorted in at the end
};

}  // namespace gauntlet::engine::metrics
