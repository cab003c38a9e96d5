#include "lab/profile/profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "base/gzip.hpp"
#include "lab/markup.hpp"
#include "pprof/profile.pb.h"

namespace gauntlet::lab {
namespace {

constexpr std::size_t kMostBytes = 256U << 20U;  // of a profile, unpacked

tl::unexpected<base::Error> broken(std::string why) { return base::fail(base::ErrorKind::invalid_argument, std::move(why)); }

std::string readable(std::int64_t value, const std::string& unit) {
  const auto v = static_cast<double>(value);
  if (unit == "nanoseconds") return v >= 1e9 ? fmt::format("{:.2f}s", v / 1e9) : fmt::format("{:.0f}ms", v / 1e6);
  if (unit == "bytes") return v >= 1 << 20 ? fmt::format("{:.2f}MB", v / (1 << 20)) : fmt::format("{:.2f}kB", v / 1024);
  return std::to_string(value);
}

struct Flame {
  std::int64_t value = 0;
  std::map<std::string, Flame> calls;
};

std::size_t depth_of(const Flame& flame) {
  std::size_t deepest = 0;
  for (const auto& [name, call] : flame.calls) deepest = std::max(deepest, 1 + depth_of(call));
  return deepest;
}

constexpr double kWidth = 1200, kRow = 17, kNarrowest = 0.4;

void draw(const Flame& flame, double x, std::size_t level, double scale, double height, std::int64_t total, const std::string& unit,
          std::string& out) {
  for (const auto& [name, call] : flame.calls) {
    const double width = static_cast<double>(call.value) * scale;
    if (width >= kNarrowest) {
      const double y = height - static_cast<double>(level + 1) * kRow;
      const unsigned hue = 10 + static_cast<unsigned>(std::hash<std::string>{}(name) % 45);
      const auto letters = static_cast<std::size_t>(width / 6.6);
      out += fmt::format(
          "<g><title>{} ({}, {:.1f} %)</title><rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.0f}\" "
          "fill=\"hsl({},75%,62%)\" rx=\"1\"/>",
          escaped(name), readable(call.value, unit), 100.0 * static_cast<double>(call.value) / static_cast<double>(total), x, y, width,
          kRow - 1, hue);
      if (letters > 3)
        out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", x + 3, y + 12,
                           escaped(name.size() > letters ? name.substr(0, letters - 2) + ".." : name));
      out += "</g>\n";
      draw(call, x, level + 1, scale, height, total, unit, out);
    }
    x += width;
  }
}

}  // namespace

base::Expected<Profile> read_profile(std::string_view bytes) {
  std::string plain;
  if (bytes.starts_with("\x1f\x8b")) {
    if (base::Inflater(base::ZlibFormat::gzip).read(bytes, kMostBytes, plain) != base::Inflated::ok)
      return broken("the profile's gzip data is broken");
    bytes = plain;
  }
  perftools::profiles::Profile read;
  if (bytes.size() > kMostBytes || !read.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || read.sample_type().empty() ||
      read.string_table().empty())
    return broken("it is no profile that pprof would read");
  const auto text = [&](std::int64_t index) {
    return index >= 0 && index < read.string_table_size() ? read.string_table(static_cast<int>(index)) : std::string();
  };
  Profile profile;
  profile.duration_ns = read.duration_nanos();
  for (const auto& type : read.sample_type()) profile.value_types.emplace_back(text(type.type()), text(type.unit()));
  std::unordered_map<std::uint64_t, std::string> functions;
  for (const auto& function : read.function()) functions[function.id()] = text(function.name());
  std::unordered_map<std::uint64_t, const perftools::profiles::Location*> locations;
  for (const auto& location : read.location()) locations[location.id()] = &location;
  for (const auto& sample : read.sample()) {
    Profile::Sample& named = profile.samples.emplace_back();
    for (const std::uint64_t id : sample.location_id()) {
      const auto location = locations.find(id);
      if (location == locations.end()) continue;
      for (const auto& line : location->second->line()) named.stack.push_back(functions[line.function_id()]);
    }
    named.values.assign(sample.value().begin(), sample.value().end());
    named.values.resize(profile.value_types.size());
  }
  return profile;
}

std::vector<HotFunction> hot_functions(const Profile& profile) {
  std::map<std::string, HotFunction> functions;
  for (const auto& sample : profile.samples) {
    const std::int64_t value = sample.values.empty() ? 0 : sample.values.back();
    const std::set<std::string> once(sample.stack.begin(), sample.stack.end());  // recursion counts once
    for (const auto& name : once) functions[name].cumulative += value;
    if (!sample.stack.empty()) functions[sample.stack.front()].flat += value;
  }
  std::vector<HotFunction> sorted;
  for (auto& [name, function] : functions) {
    function.name = name;
    sorted.push_back(std::move(function));
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return std::pair(a.flat, a.cumulative) > std::pair(b.flat, b.cumulative); });
  return sorted;
}

std::string top_text(const Profile& profile, std::size_t most) {
  std::int64_t total = 0;
  for (const auto& sample : profile.samples) total += sample.values.empty() ? 0 : sample.values.back();
  const auto [what, unit] = profile.value_types.empty() ? std::pair<std::string, std::string>() : profile.value_types.back();
  std::string out = fmt::format("Type: {}\n", what);
  if (profile.duration_ns > 0) {
    const double seconds = static_cast<double>(profile.duration_ns) / 1e9;
    out += fmt::format("Duration: {:.2f}s, Total samples = {}", seconds, readable(total, unit));
    if (unit == "nanoseconds")
      out += fmt::format(" ({:.2f}%)", static_cast<double>(total) / static_cast<double>(profile.duration_ns) * 100);
    out += '\n';
  }
  if (total == 0) return out + "no samples\n";
  out += fmt::format("{:>10}  {:>6}  {:>6}  {:>10}  {:>6}\n", "flat", "flat%", "sum%", "cum", "cum%");
  auto percent = [&](std::int64_t value) {
    return fmt::format("{:.2f}%", 100.0 * static_cast<double>(value) / static_cast<double>(total));
  };
  std::int64_t sum = 0;
  for (const auto& function : hot_functions(profile)) {
    if (most-- == 0) break;
    sum += function.flat;
    out += fmt::format("{:>10}  {:>6}  {:>6}  {:>10}  {:>6}  {}\n", readable(function.flat, unit), percent(function.flat), percent(sum),
                       readable(function.cumulative, unit), percent(function.cumulative), function.name);
  }
  return out;
}

std::string flame_svg(const Profile& profile, const std::string& title) {
  Flame root;
  for (const auto& sample : profile.samples) {
    const std::int64_t value = sample.values.empty() ? 0 : sample.values.back();
    root.value += value;
    Flame* at = &root;
    for (auto name = sample.stack.rbegin(); name != sample.stack.rend(); ++name) {
      at = &at->calls[*name];
      at->value += value;
    }
  }
  const std::string unit = profile.value_types.empty() ? "" : profile.value_types.back().second;
  const double height = static_cast<double>(depth_of(root) + 2) * kRow + 14;
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "font-family=\"monospace\" font-size=\"11\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/><text x=\"6\" y=\"16\" font-size=\"13\">{2}: {3}</text>\n",
      kWidth, height, escaped(title), root.value == 0 ? "no samples" : readable(root.value, unit));
  if (root.value > 0) draw(root, 0, 0, kWidth / static_cast<double>(root.value), height - 4, root.value, unit, out);
  return out + "</svg>\n";
}

}  // namespace gauntlet::lab
