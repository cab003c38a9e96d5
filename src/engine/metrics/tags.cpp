#include "engine/metrics/tags.hpp"

#include <algorithm>
#include <cstring>

namespace gauntlet::engine::metrics {
namespace {

constexpr std::array<std::string_view, kSystemTagCount> kNames = {
    "check",       "error", "error_code", "expected_response", "group",  "ip",       "method",      "name",
    "ocsp_status", "proto", "scenario",   "service",           "status", "subproto", "tls_version", "url"};

constexpr std::uint32_t bit(SystemTag tag) { return 1U << static_cast<unsigned>(tag); }
constexpr std::size_t index_of(SystemTag tag) { return static_cast<std::size_t>(tag); }

bool system_tag_of(std::string_view name, SystemTag* tag) {
  const auto found = std::lower_bound(kNames.begin(), kNames.end(), name);
  if (found == kNames.end() || *found != name) return false;
  *tag = static_cast<SystemTag>(found - kNames.begin());
  return true;
}

__extension__ using Uint128 = unsigned __int128;

std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  const Uint128 product = static_cast<Uint128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

constexpr std::uint64_t kSeed = 0x9e3779b97f4a7c15;
constexpr std::uint64_t kStep = 0xd6e8feb86659fd93;

std::uint64_t load(const char* text, std::size_t size) {
  std::uint64_t word = 0;
  std::memcpy(&word, text, size);
  return word;
}

/// Eight bytes a multiplication. Not for adversaries: a table miss costs a comparison, never correctness.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = kSeed ^ text.size();
  const char* at = text.data();
  std::size_t left = text.size();
  while (left >= 8) {
    hash = fold(hash ^ load(at, 8), kStep);
    at += 8;
    left -= 8;
  }
  if (left != 0) hash = fold(hash ^ load(at, left), kStep);
  return hash;
}

// A set's hash is the sum of its pairs' hashes, so that it does not depend on the order in which they were set.
std::uint64_t pair_hash(SystemTag tag, std::string_view value) {
  return fold(hash_of(value) ^ (static_cast<std::uint64_t>(tag) + 1), kSeed);
}
std::uint64_t pair_hash(std::string_view name, std::string_view value) { return fold(hash_of(value) ^ hash_of(name), kStep); }

/// Up to so many tags each is put where it belongs; more of them are sorted once, or their number squared would count.
constexpr std::size_t kMostInPlace = 32;

auto place_of(const std::vector<std::pair<std::string_view, std::string_view>>& tags, std::string_view name) {
  return std::lower_bound(tags.begin(), tags.end(), name, [](const auto& pair, std::string_view key) { return pair.first < key; });
}

}  // namespace

std::string_view name_of(SystemTag tag) { return kNames[index_of(tag)]; }

SystemTagSet SystemTagSet::defaults() {
  SystemTagSet set;
  for (std::size_t i = 0; i < kSystemTagCount; ++i) {
    const auto tag = static_cast<SystemTag>(i);
    if (tag != SystemTag::ip && tag != SystemTag::ocsp_status) set.mask |= bit(tag);
  }
  return set;
}

base::Expected<SystemTagSet> SystemTagSet::from_names(const std::vector<std::string>& names) {
  SystemTagSet set;
  for (const std::string& name : names) {
    SystemTag tag{};
    if (name == "vu") {
      set.vu = true;
    } else if (name == "iter") {
      set.iter = true;
    } else if (system_tag_of(name, &tag)) {
      set.mask |= bit(tag);
    } else {
      return base::fail(
          base::ErrorKind::invalid_argument,
          "systemTags has \"" + name + "\", which is no system tag: it should have names as url, method, status and scenario");
    }
  }
  return set;
}

const std::string_view* TagSet::find(std::string_view name) const {
  SystemTag tag{};
  if (system_tag_of(name, &tag) && has(tag)) return &system_[index_of(tag)];
  const auto found = place_of(user_, name);
  return found != user_.end() && found->first == name ? &found->second : nullptr;
}

TagTable::TagTable(SystemTagSet enabled) : enabled_(enabled), slots_(1024) {
  auto set = std::make_unique<TagSet>();
  set->pins_ = 1;
  empty_ = set.get();
  bytes_ += sizeof(TagSet);
  place(std::move(set));
}

TagTable::~TagTable() = default;

void TagTable::place(std::unique_ptr<TagSet> set) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = set->hash_ & mask;
  while (slots_[slot]) slot = (slot + 1) & mask;
  slots_[slot] = std::move(set);
  ++size_;
}

void TagTable::rebuild(std::size_t slots, bool only_pinned) {
  std::vector<std::unique_ptr<TagSet>> old(slots);
  old.swap(slots_);
  size_ = 0;
  for (auto& set : old) {
    if (!set) continue;
    if (!only_pinned || set->pins_ != 0) {
      place(std::move(set));
    } else {
      bytes_ -= set->bytes_;
    }
  }
}

TagSet* TagTable::find(const TagBuilder& builder) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = builder.hash_ & mask; slots_[slot]; slot = (slot + 1) & mask) {
    TagSet* set = slots_[slot].get();
    if (set->hash_ != builder.hash_ || set->present_ != builder.present_) continue;
    bool same = set->user_ == builder.user();
    for (std::uint32_t rest = builder.present_; same && rest != 0; rest &= rest - 1) {
      const auto tag = static_cast<std::size_t>(__builtin_ctz(rest));
      same = set->system_[tag] == builder.system_[tag];
    }
    if (same) return set;
  }
  return nullptr;
}

TagSet* TagTable::insert(const TagBuilder& builder) {
  auto set = std::make_unique<TagSet>();
  set->hash_ = builder.hash_;
  set->present_ = builder.present_;
  set->user_ = builder.user();
  std::size_t text = 0;
  for (const std::string_view value : builder.system_) text += value.size();
  for (const auto& [name, value] : set->user_) text += name.size() + value.size();
  set->text_ = std::make_unique<char[]>(text);
  char* at = set->text_.get();
  const auto keep = [&at](std::string_view view) {
    std::memcpy(at, view.data(), view.size());
    const std::string_view kept(at, view.size());
    at += view.size();
    return kept;
  };
  for (std::size_t i = 0; i < kSystemTagCount; ++i) {
    if (builder.system_[i].data() != nullptr) set->system_[i] = keep(builder.system_[i]);
  }
  for (auto& [name, value] : set->user_) {
    name = keep(name);
    value = keep(value);
  }
  set->bytes_ = sizeof(TagSet) + text + set->user_.capacity() * sizeof(set->user_[0]);

  // Only now, since the builder may look into sets that the sweep throws away.
  if (size_ >= kMaxSets || bytes_ + set->bytes_ > kMaxBytes) {
    rebuild(slots_.size(), true);
    ++sweeps_;
  }
  if (2 * (size_ + 1) > slots_.size()) rebuild(2 * slots_.size(), false);
  bytes_ += set->bytes_;
  TagSet* inserted = set.get();
  place(std::move(set));
  return inserted;
}

TagBuilder::TagBuilder(TagTable& table, const TagSet* base)
    : table_(table), base_(base), hash_(base->hash_), present_(base->present_), system_(base->system_) {}

TagBuilder::~TagBuilder() {
  if (user_copied_) table_.spare_user_.swap(user_);
}

TagBuilder::UserTags& TagBuilder::own_user() {
  if (!user_copied_) {
    user_.swap(table_.spare_user_);  // its memory; whoever is built meanwhile gets its own
    user_.assign(base_->user_.begin(), base_->user_.end());
    user_copied_ = true;
    in_order_ = user_.size();
  }
  return user_;
}

TagBuilder& TagBuilder::set(SystemTag tag, std::string_view value) {
  if (!table_.enabled_.has(tag)) return *this;
  std::string_view& slot = system_[index_of(tag)];
  if (has(tag)) hash_ -= pair_hash(tag, slot);
  hash_ += pair_hash(tag, value);
  present_ |= bit(tag);
  slot = value;
  return *this;
}

TagBuilder& TagBuilder::set(std::string_view name, std::string_view value) {
  SystemTag tag{};
  if (system_tag_of(name, &tag) && table_.enabled_.has(tag)) return set(tag, value);
  UserTags& tags = own_user();
  hash_ += pair_hash(name, value);
  if (tags.size() >= kMostInPlace) {
    tags.emplace_back(name, value);
    return *this;
  }
  const auto found = tags.begin() + (place_of(tags, name) - tags.cbegin());
  if (found != tags.end() && found->first == name) {
    hash_ -= pair_hash(name, found->second);
    found->second = value;
  } else {
    tags.emplace(found, name, value);
  }
  in_order_ = tags.size();
  return *this;
}

void TagBuilder::settle() {
  if (!user_copied_ || in_order_ == user_.size()) return;
  // Equal names stay in the order in which they were set: the last one counts.
  std::stable_sort(user_.begin(), user_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < user_.size(); ++i) {
    if (i + 1 < user_.size() && user_[i + 1].first == user_[i].first) {
      hash_ -= pair_hash(user_[i].first, user_[i].second);
    } else {
      user_[kept++] = user_[i];
    }
  }
  user_.resize(kept);
  in_order_ = kept;
}

TagBuilder& TagBuilder::erase(SystemTag tag) {
  if (!has(tag)) return *this;
  std::string_view& slot = system_[index_of(tag)];
  hash_ -= pair_hash(tag, slot);
  present_ &= ~bit(tag);
  slot = {};
  return *this;
}

TagBuilder& TagBuilder::erase(std::string_view name) {
  SystemTag tag{};
  if (system_tag_of(name, &tag) && has(tag)) return erase(tag);
  settle();
  if (const auto at = place_of(user(), name); at == user().end() || at->first != name) return *this;
  UserTags& tags = own_user();
  const auto found = tags.begin() + (place_of(tags, name) - tags.cbegin());
  hash_ -= pair_hash(name, found->second);
  tags.erase(found);
  in_order_ = tags.size();
  return *this;
}

TagSet* TagBuilder::intern() {
  settle();
  if (TagSet* known = table_.find(*this)) return known;
  return table_.insert(*this);
}

Tags::Tags(TagTable& table) : table_(table), current_(table.empty()) { ++current_->pins_; }

Tags::~Tags() { --current_->pins_; }

void Tags::become(TagSet* next) {
  ++next->pins_;
  --current_->pins_;
  current_ = next;
}

void Tags::set(SystemTag tag, std::string_view value) { become(TagBuilder(*this).set(tag, value).intern()); }
void Tags::set(std::string_view name, std::string_view value) { become(TagBuilder(*this).set(name, value).intern()); }
void Tags::erase(std::string_view name) { become(TagBuilder(*this).erase(name).intern()); }
void Tags::clear() { become(table_.empty()); }

Tags::Saved Tags::save() { return Saved(current_); }
Tags::Saved Tags::keep(TagSet* set) { return Saved(set); }
void Tags::restore(const Saved& saved) { become(saved.set_); }

Tags::Saved::Saved(TagSet* set) : set_(set) { ++set_->pins_; }
Tags::Saved::~Saved() {
  if (set_ != nullptr) --set_->pins_;
}

}  // namespace gauntlet::engine::metrics
