#include "base/admin/named_profile.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/http/content_coding.hpp"

namespace gauntlet::base::admin {
namespace {

/// The stack without the allocator's own functions at its innermost end.
std::span<const std::uintptr_t> callers_of_allocator(std::span<const std::uintptr_t> stack, Symbols& symbols) {
  constexpr std::string_view kNames[] = {"malloc", "calloc", "realloc", "memalign", "aligned_alloc", "posix_memalign"};
  constexpr std::string_view kBeginnings[] = {"tcmalloc::", "tc_", "operator new", "MallocHook"};
  std::size_t first = 0;
  for (std::size_t i = 0; i < stack.size(); ++i) {
    const std::string name = symbols.name(stack[i] == 0 ? 0 : stack[i] - 1);
    const auto begins = [&](std::string_view beginning) { return name.starts_with(beginning); };
    if (std::ranges::any_of(kBeginnings, begins) || std::ranges::find(kNames, name) != std::end(kNames)) first = i + 1;
  }
  return stack.subspan(first);
}

}  // namespace

NamedProfile::NamedProfile(Symbols& symbols, std::initializer_list<ValueType> types, std::int64_t period) : symbols_(symbols) {
  text("");
  for (const auto& [what, unit] : types) {
    auto* type = profile_.add_sample_type();
    type->set_type(text(what));
    type->set_unit(text(unit));
  }
  *profile_.mutable_period_type() = *profile_.sample_type().rbegin();
  profile_.set_period(period);
  read_mappings();
}

void NamedProfile::read_mappings() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long long begin = 0, end = 0, offset = 0;
    char rights[5] = {};
    int path_at = 0;
    if (std::sscanf(line.c_str(), "%llx-%llx %4s %llx %*s %*s %n", &begin, &end, rights, &offset, &path_at) != 4 || rights[2] != 'x' ||
        path_at == 0)
      continue;
    auto* mapping = profile_.add_mapping();
    mapping->set_id(static_cast<std::uint64_t>(profile_.mapping_size()));
    mapping->set_memory_start(begin);
    mapping->set_memory_limit(end);
    mapping->set_file_offset(offset);
    mapping->set_filename(text(line.substr(static_cast<std::size_t>(path_at))));
    mapping->set_has_functions(true);
    mappings_[begin] = {end, mapping->id()};
  }
}

std::int64_t NamedProfile::text(std::string_view text) {
  const auto [at, is_new] = texts_.try_emplace(std::string(text), profile_.string_table_size());
  if (is_new) profile_.add_string_table(at->first);
  return at->second;
}

std::uint64_t NamedProfile::function(const std::string& name) {
  const auto [at, is_new] = functions_.try_emplace(name, functions_.size() + 1);
  if (is_new) {
    auto* function = profile_.add_function();
    function->set_id(at->second);
    function->set_name(text(name));
    function->set_system_name(text(name));  // being the same, pprof leaves out parameters when it shows them
  }
  return at->second;
}

std::uint64_t NamedProfile::location(std::uintptr_t address) {
  const auto [at, is_new] = locations_.try_emplace(address, locations_.size() + 1);
  if (!is_new) return at->second;
  auto* location = profile_.add_location();
  location->set_id(at->second);
  location->set_address(address);
  if (const auto after = mappings_.upper_bound(address); after != mappings_.begin()) {
    const Range& range = std::prev(after)->second;
    if (address < range.end) location->set_mapping_id(range.id);
  }
  if (std::string name = symbols_.name(address); !name.empty()) {
    // pprof leaves out what stands in parentheses, for parameters.
    constexpr std::string_view kUnnamed = "(anonymous namespace)";
    for (auto place = name.find(kUnnamed); place != std::string::npos; place = name.find(kUnnamed, place))
      name.replace(place, kUnnamed.size(), "{anonymous}");
    location->add_line()->set_function_id(function(name));
  }
  return at->second;
}

void NamedProfile::add(std::span<const std::uintptr_t> stack, std::initializer_list<std::int64_t> values, Innermost innermost) {
  auto* sample = profile_.add_sample();
  for (std::size_t i = 0; i < stack.size(); ++i) {
    // The byte before a return address lies in the calling function for sure.
    const bool is_return = stack[i] != 0 && (i > 0 || innermost == Innermost::return_address);
    sample->add_location_id(location(stack[i] - (is_return ? 1 : 0)));
  }
  for (const std::int64_t value : values) sample->add_value(value);
}

std::string NamedProfile::finish(std::int64_t duration_ns) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  profile_.set_time_nanos(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() - duration_ns);
  profile_.set_duration_nanos(duration_ns);
  return http::encode(profile_.SerializeAsString(), http::Coding::gzip).text();
}

std::string named_cpu_profile(const StackCounts& stacks, std::chrono::nanoseconds duration, Symbols& symbols) {
  const std::int64_t period_ns = std::chrono::nanoseconds(CpuProfile::kPeriod).count();
  NamedProfile profile(symbols, {{"samples", "count"}, {"cpu", "nanoseconds"}}, period_ns);
  for (const auto& [stack, count] : stacks) profile.add(stack, {count, count * period_ns});
  return profile.finish(duration.count());
}

std::string named_heap_profile(std::string_view legacy, bool allocated, Symbols& symbols) {
  const std::size_t rate_at = legacy.find("heap_v2/");
  const std::int64_t period =
      rate_at == std::string_view::npos ? 0 : std::strtoll(std::string(legacy.substr(rate_at + 8, 20)).c_str(), nullptr, 10);
  using Type = NamedProfile::ValueType;
  NamedProfile profile = allocated ? NamedProfile(symbols, {Type{"alloc_objects", "count"}, Type{"alloc_space", "bytes"}}, period)
                                   : NamedProfile(symbols, {Type{"inuse_objects", "count"}, Type{"inuse_space", "bytes"}}, period);
  std::size_t at = std::min(legacy.find('\n'), legacy.size());  // behind the totals
  while (at < legacy.size()) {
    const std::size_t end = std::min(legacy.find('\n', at + 1), legacy.size());
    const std::string line(legacy.substr(at + 1, end - at - 1));
    at = end;
    if (line.starts_with("MAPPED_LIBRARIES")) break;
    // "  1: 1024 [ 3: 4096] @ 0x1 0x2": in use, allocated, stack.
    long long objects = 0, bytes = 0;
    const char* const format = allocated ? " %*d: %*d [ %lld: %lld" : " %lld: %lld [";
    const std::size_t stack_at = line.find("] @");
    if (stack_at == std::string::npos || std::sscanf(line.c_str(), format, &objects, &bytes) != 2 || objects <= 0) continue;
    std::vector<std::uintptr_t> stack;
    for (const char* next = line.c_str() + stack_at + 3; *next != '\0';) {
      char* behind = nullptr;
      const std::uintptr_t address = std::strtoull(next, &behind, 16);
      if (behind == next) break;
      stack.push_back(address);
      next = behind;
    }
    // An allocation of n bytes is sampled with probability 1 - e^(-n / period).
    const double size = static_cast<double>(bytes) / static_cast<double>(objects);
    const double scale = period > 0 ? 1 / (1 - std::exp(-size / static_cast<double>(period))) : 1;
    profile.add(callers_of_allocator(stack, symbols),
                {std::llround(static_cast<double>(objects) * scale), std::llround(static_cast<double>(bytes) * scale)},
                NamedProfile::Innermost::return_address);
  }
  return profile.finish();
}

}  // namespace gauntlet::base::admin
