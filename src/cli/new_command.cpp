#include "cli/new_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/whole_file.hpp"
#include "cli/exit_code.hpp"
#include "embedded/script_types.hpp"
#include "engine/session/exit_code.hpp"

namespace gauntlet::cli {
namespace {

constexpr const char* kMinimal = R"(import http from 'k6/http';
import { check, sleep } from 'k6';

export const options = { vus: 10, duration: '30s' };

const base = __ENV.BASE_URL || 'http://127.0.0.1:8000';

export default function () {
  const response = http.get(`${base}/`);
  check(response, { 'status is 200': (r) => r.status === 200 });
  sleep(1);
}
)";

constexpr const char* kProtocol = R"(import http from 'k6/http';
import { check, group, sleep } from 'k6';

export const options = {
  scenarios: {
    // So many iterations begin each second, however slow the answers are.
    steady: {
      executor: 'constant-arrival-rate',
      rate: 20,
      timeUnit: '1s',
      duration: '30s',
      preAllocatedVUs: 20,
      maxVUs: 100,
    },
  },
  thresholds: {
    http_req_failed: ['rate<0.01'],
    http_req_duration: ['p(95)<500'],
    'http_req_duration{name:list}': ['p(99)<800'],
    checks: ['rate>0.99'],
  },
};

const base = __ENV.BASE_URL || 'http://127.0.0.1:8000';

// Once, before the load: what it returns is given to every iteration.
export function setup() {
  return { headers: { Authorization: `Bearer ${__ENV.TOKEN || ''}` } };
}

export default function (data) {
  group('browse', () => {
    // The tag `name` keeps requests together whose addresses differ.
    const list = http.get(`${base}/items?page=${__ITER % 10}`, { headers: data.headers, tags: { name: 'list' } });
    check(list, { 'list answers 200': (r) => r.status === 200 });
  });
  group('change', () => {
    const body = JSON.stringify({ name: `item ${__VU}-${__ITER}` });
    const headers = { ...data.headers, 'Content-Type': 'application/json' };
    const made = http.post(`${base}/items`, body, { headers, tags: { name: 'create' } });
    check(made, { 'create answers 2xx': (r) => r.status >= 200 && r.status < 300 });
  });
  sleep(0.1);
}

export function teardown() {}
)";

constexpr const char* kTypesFile = "gauntlet.d.ts";

bool write(const std::filesystem::path& file, std::string_view text) {
  std::ofstream to(file, std::ios::binary);
  to << text;
  to.close();
  return static_cast<bool>(to);
}

}  // namespace

int new_command(int argc, char** argv) {
  CLI::App app("Write a script to begin with", "gauntlet new");
  app.footer("Exit codes: 0 done; 255 wrong usage, or the file is there or cannot be written.");
  std::string file = "script.js", name = "minimal";
  bool force = false, with_types = false;
  app.add_option("file", file, "Where to write it")->capture_default_str();
  app.add_option("--template", name, "minimal, protocol, or the path of a script to copy")->capture_default_str();
  app.add_flag("-f,--force", force, "Overwrite the file when it is there");
  app.add_flag("--types", with_types, "Also gauntlet.d.ts beside it, by which an editor completes and checks what scripts use");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? 0 : static_cast<int>(engine::session::ExitCode::other);
  }
  std::string text = name == "minimal" ? kMinimal : name == "protocol" ? kProtocol : "";
  if (text.empty()) {
    if (name.find('/') == std::string::npos && name.find('.') == std::string::npos) {
      return fail_as_k6(
          fmt::format("error retrieving template: invalid template type \"{}\"; there are minimal and protocol, or say "
                      "the path of a script",
                      name));
    }
    auto own = base::read_file(name);
    if (!own) return fail_as_k6("error retrieving template: " + own.error().message);
    text = std::move(*own);
  }
  if (with_types) {
    const std::filesystem::path types = std::filesystem::path(file).replace_filename(kTypesFile);
    if (!write(types, embedded::script_types())) return fail_as_k6(fmt::format("{} cannot be written", types.string()));
    const std::string reference = fmt::format("/// <reference path=\"./{}\" />\n", kTypesFile);
    fmt::print("New types written: {}\n", types.string());
    if (!force && std::filesystem::exists(file)) {
      fmt::print("{} is there and stays as it is. For an editor, its first line is: {}", file, reference);
      return 0;
    }
    text = reference + text;
  }
  if (!force && std::filesystem::exists(file))
    return fail_as_k6(fmt::format("{} already exists. Use the `--force` flag to overwrite it", file));
  if (!write(file, text)) return fail_as_k6(fmt::format("{} cannot be written", file));
  fmt::print("New script created: {} ({} template).\n", file, name);
  return 0;
}

}  // namespace gauntlet::cli
