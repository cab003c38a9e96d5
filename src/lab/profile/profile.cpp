#include "lab/profile/profile.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <unordered_map>

#include "engine/grpc/wire.hpp"
#include "engine/net/content_coding.hpp"
#include "lab/markup.hpp"

namespace gauntlet::lab {
namespace {

using base::ErrorKind;
using engine::grpc::WireReader;
using engine::grpc::WireType;
using engine::grpc::write_tag;
using engine::grpc::write_varint;

constexpr std::size_t kMostBytes = 256U << 20U;  // of a profile, unpacked

base::Expected<std::string> gunzip(std::string_view bytes) {
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS;
  if (::inflateInit2(&stream, kGzip) != Z_OK) return base::fail(ErrorKind::internal, "zlib does not start");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int code = Z_OK;
  while (code == Z_OK && out.size() < kMostBytes) {
    const std::size_t before = out.size();
    out.resize(before + 65536);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = 65536;
    code = ::inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
  }
  ::inflateEnd(&stream);
  if (code != Z_STREAM_END) return base::fail(ErrorKind::invalid_argument, "the profile's gzip data is broken");
  return out;
}

/// Stacks of addresses, before they have names.
struct RawSample {
  std::vector<std::uint64_t> addresses;
  std::vector<std::int64_t> values;
};

void name_samples(const std::vector<RawSample>& raw, const Symbolize& symbolize, Profile& profile) {
  // All but the innermost are return addresses, one past the call: the byte before lies in the calling function for
  // sure.
  auto looked_up = [](const RawSample& sample, std::size_t i) { return i == 0 ? sample.addresses[i] : sample.addresses[i] - 1; };
  std::set<std::uint64_t> wanted;
  for (const auto& sample : raw)
    for (std::size_t i = 0; i < sample.addresses.size(); ++i) wanted.insert(looked_up(sample, i));
  const std::vector<std::uint64_t> addresses(wanted.begin(), wanted.end());
  const auto names = symbolize(addresses);
  std::unordered_map<std::uint64_t, std::string> by_address;
  for (std::size_t i = 0; i < addresses.size(); ++i)
    by_address[addresses[i]] = i < names.size() && !names[i].empty() ? names[i] : fmt::format("{:#x}", addresses[i]);
  for (const auto& sample : raw) {
    Profile::Sample named{{}, sample.values};
    for (std::size_t i = 0; i < sample.addresses.size(); ++i) named.stack.push_back(by_address[looked_up(sample, i)]);
    profile.samples.push_back(std::move(named));
  }
}

base::Expected<Profile> read_gperftools_cpu(std::string_view bytes, const Symbolize& symbolize) {
  auto word = [&](std::size_t index) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + index * 8, 8);
    return value;
  };
  const std::size_t words = bytes.size() / 8;
  const auto broken = base::fail(ErrorKind::invalid_argument, "the CPU profile is cut off");
  if (words < 5) return broken;
  Profile profile;
  profile.value_types = {{"samples", "count"}, {"cpu", "nanoseconds"}};
  profile.period = static_cast<std::int64_t>(word(3)) * 1000;
  std::vector<RawSample> raw;
  for (std::size_t at = 2 + word(1);;) {
    if (at + 3 > words) return broken;
    const std::uint64_t count = word(at);
    const std::uint64_t depth = word(at + 1);
    if (count == 0 && depth == 1 && word(at + 2) == 0) break;  // the trailer; the memory map follows
    if (depth > 10'000 || at + 2 + depth > words) return broken;
    RawSample sample;
    for (std::uint64_t i = 0; i < depth; ++i) sample.addresses.push_back(word(at + 2 + i));
    sample.values = {static_cast<std::int64_t>(count), static_cast<std::int64_t>(count) * profile.period};
    raw.push_back(std::move(sample));
    at += 2 + depth;
  }
  name_samples(raw, symbolize, profile);
  return profile;
}

/// "  1: 1024 [ 3: 4096] @ 0x1 0x2": in use, allocated, stack.
base::Expected<Profile> read_gperftools_heap(std::string_view text, const Symbolize& symbolize) {
  Profile profile;
  profile.value_types = {{"inuse_objects", "count"}, {"inuse_space", "bytes"}};
  const auto rate_at = text.find("heap_v2/");
  profile.period = rate_at == std::string_view::npos ? 0 : std::strtoll(text.data() + rate_at + 8, nullptr, 10);
  std::vector<RawSample> raw;
  for (std::size_t at = text.find('\n'); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find('\n', at + 1), text.size());
    const std::string line(text.substr(at + 1, end - at - 1));
    at = end == text.size() ? std::string_view::npos : end;
    if (line.starts_with("MAPPED_LIBRARIES")) break;
    long long objects = 0, bytes = 0;
    const auto stack = line.find(" @ ");
    if (stack == std::string::npos || std::sscanf(line.c_str(), " %lld: %lld", &objects, &bytes) != 2 || objects <= 0) continue;
    // Each allocation was sampled with a probability that grows with its size: undone as pprof does it.
    double scale = 1;
    if (profile.period > 0)
      scale = 1 / (1 - std::exp(-static_cast<double>(bytes) / static_cast<double>(objects) / static_cast<double>(profile.period)));
    RawSample sample;
    for (const char* address = line.c_str() + stack + 3; *address != '\0';) {
      char* next = nullptr;
      const std::uint64_t value = std::strtoull(address, &next, 16);
      if (next == address) break;
      sample.addresses.push_back(value);
      address = next;
    }
    sample.values = {std::llround(static_cast<double>(objects) * scale), std::llround(static_cast<double>(bytes) * scale)};
    raw.push_back(std::move(sample));
  }
  name_samples(raw, symbolize, profile);
  return profile;
}

/// "2 @ 0x1 0x2", then a line "#\t0x1\tname+0x5 ..." for each frame.
Profile read_goroutines(std::string_view text) {
  Profile profile;
  profile.value_types = {{"goroutine", "count"}};
  profile.period = 1;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line(text.substr(at, end - at));
    at = end + 1;
    if (line.starts_with("---")) break;
    long long count = 0;
    if (!line.starts_with("#") && line.find(" @") != std::string::npos && std::sscanf(line.c_str(), "%lld @", &count) == 1) {
      profile.samples.push_back({{}, {count}});
    } else if (line.starts_with("#\t") && !profile.samples.empty()) {
      const auto name = line.find('\t', 2);
      if (name == std::string::npos) continue;
      std::string function = line.substr(name + 1, line.find('\t', name + 1) - name - 1);
      if (const auto offset = function.find("+0x"); offset != std::string::npos) function.resize(offset);
      profile.samples.back().stack.push_back(function);
    }
  }
  return profile;
}

bool read_packed(WireReader& reader, WireType type, std::vector<std::uint64_t>& out) {
  std::uint64_t value = 0;
  if (type == WireType::varint) return reader.take_varint(value) && (out.push_back(value), true);
  std::string_view bytes;
  if (type != WireType::bytes || !reader.take_bytes(bytes)) return false;
  WireReader inner(bytes);
  while (!inner.at_end()) {
    if (!inner.take_varint(value)) return false;
    out.push_back(value);
  }
  return true;
}

/// Calls `field(number, type, reader)` for each field, which must take or skip it. False when malformed.
template <class Field>
bool read_fields(std::string_view bytes, Field field) {
  WireReader reader(bytes);
  while (!reader.at_end()) {
    std::uint32_t number = 0;
    WireType type{};
    if (!reader.take_tag(number, type) || !field(number, type, reader)) return false;
  }
  return true;
}

std::uint64_t number_field(std::string_view message, std::uint32_t wanted) {
  std::uint64_t found = 0;
  read_fields(message, [&](std::uint32_t number, WireType type, WireReader& reader) {
    return number == wanted && type == WireType::varint ? reader.take_varint(found) : reader.skip(number, type);
  });
  return found;
}

base::Expected<Profile> read_protobuf(std::string_view bytes) {
  Profile profile;
  std::vector<std::string> strings;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> types;
  std::vector<std::pair<std::vector<std::uint64_t>, std::vector<std::uint64_t>>> samples;
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> functions_of_location;
  std::unordered_map<std::uint64_t, std::uint64_t> name_of_function;
  std::uint64_t duration = 0, period = 0, time = 0;
  const bool well_formed = read_fields(bytes, [&](std::uint32_t number, WireType type, WireReader& reader) {
    if (type == WireType::varint && number == 9) return reader.take_varint(time);
    if (type == WireType::varint && number == 10) return reader.take_varint(duration);
    if (type == WireType::varint && number == 12) return reader.take_varint(period);
    std::string_view part;
    if (type != WireType::bytes) return reader.skip(number, type);
    if (!reader.take_bytes(part)) return false;
    switch (number) {
      case 1: types.emplace_back(number_field(part, 1), number_field(part, 2)); return true;
      case 2: {
        auto& [locations, values] = samples.emplace_back();
        return read_fields(part, [&](std::uint32_t inner, WireType inner_type, WireReader& r) {
          if (inner == 1) return read_packed(r, inner_type, locations);
          if (inner == 2) return read_packed(r, inner_type, values);
          return r.skip(inner, inner_type);
        });
      }
      case 4: {
        auto& functions = functions_of_location[number_field(part, 1)];
        return read_fields(part, [&](std::uint32_t inner, WireType inner_type, WireReader& r) {
          std::string_view line;
          if (inner != 4 || inner_type != WireType::bytes) return r.skip(inner, inner_type);
          if (!r.take_bytes(line)) return false;
          functions.push_back(number_field(line, 1));
          return true;
        });
      }
      case 5: name_of_function[number_field(part, 1)] = number_field(part, 2); return true;
      case 6: strings.emplace_back(part); return true;
      default: return true;
    }
  });
  auto text = [&](std::uint64_t index) { return index < strings.size() ? strings[index] : std::string(); };
  if (!well_formed || types.empty() || strings.empty())
    return base::fail(ErrorKind::invalid_argument, "it is no profile that pprof would read");
  for (const auto& [what, unit] : types) profile.value_types.emplace_back(text(what), text(unit));
  profile.duration_ns = static_cast<std::int64_t>(duration);
  profile.time_ns = static_cast<std::int64_t>(time);
  profile.period = static_cast<std::int64_t>(period);
  for (const auto& [locations, values] : samples) {
    Profile::Sample sample;
    for (const auto location : locations)
      for (const auto function : functions_of_location[location]) sample.stack.push_back(text(name_of_function[function]));
    for (const auto value : values) sample.values.push_back(static_cast<std::int64_t>(value));
    sample.values.resize(types.size());
    profile.samples.push_back(std::move(sample));
  }
  return profile;
}

void put_number(std::uint32_t field, std::uint64_t value, std::string& out) {
  write_tag(field, WireType::varint, out);
  write_varint(value, out);
}
void put_bytes(std::uint32_t field, std::string_view bytes, std::string& out) {
  write_tag(field, WireType::bytes, out);
  write_varint(bytes.size(), out);
  out += bytes;
}

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

base::Expected<Profile> read_profile(std::string_view bytes, const Symbolize& symbolize) {
  if (bytes.starts_with("\x1f\x8b")) {
    auto plain = gunzip(bytes);
    if (!plain) return tl::unexpected(plain.error());
    return read_protobuf(*plain);
  }
  static constexpr std::string_view kCpuHeader("\0\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0", 16);
  if (bytes.starts_with(kCpuHeader)) return read_gperftools_cpu(bytes, symbolize);
  if (bytes.starts_with("heap profile:")) return read_gperftools_heap(bytes, symbolize);
  if (bytes.starts_with("goroutine profile:")) return read_goroutines(bytes);
  return read_protobuf(bytes);
}

std::string write_profile(const Profile& profile) {
  std::string out;
  std::vector<std::string> strings{""};
  std::unordered_map<std::string, std::uint64_t> index{{"", 0}};
  auto text = [&](const std::string& s) {
    const auto [at, is_new] = index.try_emplace(s, strings.size());
    if (is_new) strings.push_back(s);
    return at->second;
  };
  for (const auto& [what, unit] : profile.value_types) {
    std::string type;
    put_number(1, text(what), type);
    put_number(2, text(unit), type);
    put_bytes(1, type, out);
  }
  // A function has one location: the names are known, the addresses are of no use elsewhere.
  std::unordered_map<std::string, std::uint64_t> ids;
  std::vector<std::string> functions;
  for (const auto& sample : profile.samples) {
    std::string locations, values, message;
    for (const auto& name : sample.stack) {
      const auto [at, is_new] = ids.try_emplace(name, functions.size() + 1);
      if (is_new) functions.push_back(name);
      write_varint(at->second, locations);
    }
    for (const auto value : sample.values) write_varint(static_cast<std::uint64_t>(value), values);
    put_bytes(1, locations, message);
    put_bytes(2, values, message);
    put_bytes(2, message, out);
  }
  std::string mapping;
  put_number(1, 1, mapping);
  put_number(7, 1, mapping);  // has functions: pprof need not look for the program
  put_bytes(3, mapping, out);
  for (std::uint64_t id = 1; id <= functions.size(); ++id) {
    std::string line, location, function;
    put_number(1, id, line);
    put_number(1, id, location);
    put_number(2, 1, location);
    put_bytes(4, line, location);
    put_bytes(4, location, out);
    put_number(1, id, function);
    put_number(2, text(functions[id - 1]), function);
    put_number(3, text(functions[id - 1]), function);
    put_bytes(5, function, out);
  }
  if (!profile.value_types.empty()) {
    std::string type;
    put_number(1, text(profile.value_types.back().first), type);
    put_number(2, text(profile.value_types.back().second), type);
    put_bytes(11, type, out);
  }
  for (const auto& s : strings) put_bytes(6, s, out);
  if (profile.time_ns > 0) put_number(9, static_cast<std::uint64_t>(profile.time_ns), out);
  put_number(10, static_cast<std::uint64_t>(profile.duration_ns), out);
  put_number(12, static_cast<std::uint64_t>(profile.period), out);
  return engine::net::encode_body(engine::net::ContentCoding::gzip, out);
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
