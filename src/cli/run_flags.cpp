#include "cli/run_flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <string_view>

#include "base/parse.hpp"
#include "base/text.hpp"
#include "cli/features.hpp"
#include "engine/plan/options.hpp"
#include "engine/sinks/sample_output.hpp"

namespace gauntlet::cli {
namespace {

using engine::session::RunSettings;
using engine::users::LogOptions;

using Result = base::Expected<void>;

struct Flag {
  const char* name;
  char letter;        // '\0': none
  const char* value;  // what the help calls it; nullptr: a switch
  const char* help;   // nullptr: not listed
  std::function<Result(Invocation&, const std::string&)> apply;
};

std::function<Result(Invocation&, const std::string&)> to_switch(bool RunSettings::*member) {
  return [member](Invocation& invocation, const std::string& text) -> Result {
    const auto value = TRY(base::parse_bool(text));
    invocation.settings.*member = value;
    return {};
  };
}

std::function<Result(Invocation&, const std::string&)> to_text(std::string RunSettings::*member) {
  return [member](Invocation& invocation, const std::string& text) -> Result {
    invocation.settings.*member = text;
    return {};
  };
}

std::function<Result(Invocation&, const std::string&)> to_own_switch(bool Invocation::*member) {
  return [member](Invocation& invocation, const std::string& text) -> Result {
    const auto value = TRY(base::parse_bool(text));
    invocation.*member = value;
    return {};
  };
}

/// Accepted because scripts that call k6 pass it, and without meaning here.
Result ignore(Invocation&, const std::string&) { return {}; }

std::function<Result(Invocation&, const std::string&)> absent(const char* what) {
  return [what](Invocation&, const std::string&) -> Result {
    return tl::unexpected(base::Error{base::ErrorKind::unimplemented, fmt::format("{} is not part of this version of gauntlet", what)});
  };
}

Result refuse_no_summary(Invocation&, const std::string&) {
  return base::fail(base::ErrorKind::unimplemented, "--no-summary is gone, as in k6 2: use --summary-mode=disabled");
}

/// k6 2 has none either unless it is asked for, and scripts that call k6 1 say --address "" for none.
Result refuse_rest_address(Invocation&, const std::string& text) {
  if (text.empty()) return {};
  return base::fail(base::ErrorKind::unimplemented,
                    "--address is gone: there is no REST API. --web shows a test while it runs, --out prometheus=PORT lets it be scraped, "
                    "and Ctrl-C (SIGINT) ends it in order");
}

Result add_environment(Invocation& invocation, const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  if (name.empty()) return tl::unexpected(wrong_usage(fmt::format("invalid environment variable name '{}'", name)));
  if (equals != std::string::npos) {
    invocation.environment[name] = text.substr(equals + 1);
  } else {
    const char* value = std::getenv(name.c_str());
    invocation.environment[name] = value == nullptr ? "" : value;
  }
  return {};
}

Result add_tag(Invocation& invocation, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || text.empty()) return tl::unexpected(wrong_usage(fmt::format("error parsing tag '{}': invalid tag, empty name", text)));
  if (equals == std::string::npos || equals + 1 == text.size()) {
    return tl::unexpected(wrong_usage(fmt::format("error parsing tag '{}': invalid tag, empty value", text)));
  }
  invocation.tags[text.substr(0, equals)] = text.substr(equals + 1);
  return {};
}

/// "2/3" is k6's segment 1/3:2/3 in the sequence 0,1/3,2/3,1.
Result set_part(Invocation& invocation, const std::string& text) {
  constexpr std::int64_t kMostParts = 10'000;
  const std::size_t slash = text.find('/');
  const auto part = base::parse_integer(text.substr(0, slash));
  const auto parts = slash == std::string::npos ? part : base::parse_integer(text.substr(slash + 1));
  if (slash == std::string::npos || !part || !parts || *part < 1 || *part > *parts || *parts > kMostParts) {
    return tl::unexpected(wrong_usage(fmt::format("a part is I/N with I from 1 to N, and N at most {}", kMostParts)));
  }
  engine::plan::take_part(invocation.settings.flags, *part, *parts);
  return {};
}

Result set_processes(Invocation& invocation, const std::string& text) {
  constexpr std::int64_t kMost = 256;
  const auto count = TRY(base::parse_integer(text));
  if (count < 1 || count > kMost) return tl::unexpected(wrong_usage(fmt::format("there can be 1 to {} processes", kMost)));
  invocation.processes = static_cast<std::size_t>(count);
  return {};
}

base::Expected<std::int64_t> number_of_agents(const std::string& text) {
  const auto count = TRY(base::parse_integer(text));
  if (count < 1 || count > FleetFlags::kMostAgents)
    return tl::unexpected(wrong_usage(fmt::format("there can be 1 to {} agents", FleetFlags::kMostAgents)));
  return count;
}

Result set_warm_up(Invocation& invocation, const std::string& text) {
  const auto duration = TRY(base::parse_duration(text));
  if (duration.count() < 0) return tl::unexpected(wrong_usage("a warm-up cannot be negative"));
  invocation.settings.warm_up = duration;
  return {};
}

Result set_threads(Invocation& invocation, const std::string& text) {
  const auto count = TRY(base::parse_integer(text));
  if (count < 1 || count > 1024) return tl::unexpected(wrong_usage("there can be 1 to 1024 threads"));
  invocation.settings.threads = static_cast<std::size_t>(count);
  return {};
}

/// Those that are options of the script as well.
std::vector<Flag> flags_of_options() {
  std::vector<Flag> flags;
  for (const engine::plan::OptionFlag& flag : engine::plan::option_flags()) {
    flags.push_back(
        {flag.name, flag.letter, flag.value, flag.help, [option = flag.option](Invocation& invocation, const std::string& text) {
           return engine::plan::set_option(invocation.settings.flags, option, text);
         }});
  }
  return flags;
}

std::vector<Flag> own_flags() {
  return {
      // What runs
      {"stage", 's', "D:N", "add a stage, as 30s:10",
       [](Invocation& invocation, const std::string& text) -> Result {
         invocation.stages.push_back(text);
         return {};
       }},
      {"scenario", '\0', "A,B", "run these of the script's scenarios only",
       [](Invocation& invocation, const std::string& text) -> Result {
         std::ranges::move(engine::sinks::list_of(text), std::back_inserter(invocation.settings.scenarios));
         return {};
       }},
      {"once", '\0', nullptr, "one iteration of one virtual user in each scenario, with its exec, env and tags",
       to_switch(&RunSettings::once)},
      {"env", 'e', "VAR=X", "a variable for __ENV", add_environment},
      {"include-system-env-vars", '\0', nullptr, "pass the system's variables in __ENV (on)",
       [](Invocation& invocation, const std::string& text) -> Result {
         const auto value = TRY(base::parse_bool(text));
         invocation.include_system_environment = value;
         return {};
       }},
      {"config", 'c', "FILE", "JSON file with options, below all others", to_text(&RunSettings::config_path)},
      {"address", 'a', "HOST:PORT", nullptr, refuse_rest_address},
      {"linger", 'l', nullptr, "stay after the end until Ctrl-C, for the live page; the summary comes then",
       to_switch(&RunSettings::linger)},
      {"segment", '\0', "I/N", "the I-th of N equal parts: --execution-segment and its sequence at once", set_part},
      {"processes", '\0', "N", "split the test over N processes of this machine and report their exact sum", set_processes},
      {"agent", '\0', "CMD", "a machine that takes a share: what carries `gauntlet agent` there, as 'ssh lg1'; may be repeated",
       [](Invocation& invocation, const std::string& text) -> Result {
         if (text.find_first_not_of(" \t") == std::string::npos) return tl::unexpected(wrong_usage("an agent is a command, as 'ssh lg1'"));
         invocation.fleet.agents.push_back(text);
         return {};
       }},
      {"fleet", '\0', "FILE", "agents with names and weights, as TOML; docs/FLEET.md",
       [](Invocation& invocation, const std::string& text) -> Result {
         invocation.fleet.file = text;
         return {};
       }},
      {"kubernetes", '\0', "N", "so many pods that take a share each; made, and deleted afterwards, with kubectl",
       [](Invocation& invocation, const std::string& text) -> Result {
         const auto count = TRY(number_of_agents(text));
         invocation.fleet.kubernetes = count;
         return {};
       }},
      {"kubernetes-image", '\0', "IMAGE", "the pods' image (gauntlet:local)",
       [](Invocation& invocation, const std::string& text) -> Result {
         invocation.fleet.image = text;
         return {};
       }},
      {"kubectl", '\0', "CMD", "what runs kubectl, as 'kubectl -n load'",
       [](Invocation& invocation, const std::string& text) -> Result {
         invocation.fleet.kubectl = text;
         return {};
       }},
      {"listen", '\0', "HOST:PORT", "where agents join that are started by themselves: gauntlet agent --join HOST:PORT",
       [](Invocation& invocation, const std::string& text) -> Result {
         invocation.fleet.listen = text;
         return {};
       }},
      {"expect", '\0', "N", "so many of them (1)",
       [](Invocation& invocation, const std::string& text) -> Result {
         const auto count = TRY(number_of_agents(text));
         invocation.fleet.expected = count;
         return {};
       }},
      {"token-file", '\0', "FILE", "the token that they know (GAUNTLET_FLEET_TOKEN)",
       [](Invocation& invocation, const std::string& text) -> Result {
         invocation.fleet.token_file = text;
         return {};
       }},
      {"on-agent-loss", '\0', "stop|continue", "what becomes of the test when an agent is lost (stop)",
       [](Invocation& invocation, const std::string& text) -> Result {
         if (text != "stop" && text != "continue") return tl::unexpected(wrong_usage("there are stop and continue"));
         invocation.fleet.goes_on_without_lost = text == "continue";
         return {};
       }},
      {"target", '\0', "NAME", "aim at a system that gauntlet.toml describes, within its caps",
       [](Invocation& invocation, const std::string& text) -> Result {
         invocation.target = text;
         return {};
       }},
      {"yes-i-own", '\0', "HOST", "the target's host is ours to load; may be repeated",
       [](Invocation& invocation, const std::string& text) -> Result {
         invocation.owned_hosts.push_back(text);
         return {};
       }},
      {"warm-up", '\0', "D", "leave the scenarios' first so much time out of all results", set_warm_up},
      {"threads", '\0', "N", "engine threads (one per core)", set_threads},
      {"strict-k6", '\0', nullptr, "keep to k6 where we differ on purpose", to_switch(&RunSettings::strict_k6)},
      {"compatibility-mode", '\0', "MODE", nullptr, ignore},
      {"type", 't', "TYPE", nullptr,
       [](Invocation&, const std::string& text) -> Result {
         if (text == "js" || text == "archive" || text.empty()) return {};  // the file itself says which
         return tl::unexpected(wrong_usage(fmt::format("there is no type \"{}\"; there are js and archive", text)));
       }},
      // HTTP and network
      {"http-debug", '\0', nullptr, nullptr,
       [](Invocation& invocation, const std::string& text) {
         return engine::plan::set_option(invocation.settings.flags, "httpDebug", text == "true" ? "headers" : text);
       }},
      {"blacklist-ip", '\0', "CIDR", "never connect there",
       [](Invocation& invocation, const std::string& text) -> Result {
         auto& list = invocation.settings.flags.blacklist_ips;
         list.value.push_back(text);
         list.given = true;
         return {};
       }},
      // Results
      {"out", 'o', "OUTPUT", "json=FILE.json, points=FILE, influxdb=URL...; see below",
       [](Invocation& invocation, const std::string& text) -> Result {
         invocation.outputs.push_back(text);
         return {};
       }},
      {"web", '\0', nullptr, "the live page at http://127.0.0.1:5665, as K6_WEB_DASHBOARD=true",
       [](Invocation& invocation, const std::string& text) -> Result {
         const auto value = TRY(base::parse_bool(text));
         invocation.settings.dashboard.enabled = value;
         return {};
       }},
      {"tag", '\0', "NAME=X", "a tag for every sample", add_tag},
      {"setup-apart", '\0', nullptr, "keep requests of setup() and teardown() out of the totals", to_switch(&RunSettings::setup_apart)},
      {"require-generator-ok", '\0', nullptr, "exit with 111 when the generator was the limit",
       to_switch(&RunSettings::require_generator_ok)},
      {"require-all-ok", '\0', nullptr, "exit with 99 when a check failed or a threshold never had a sample, too",
       to_switch(&RunSettings::require_all_ok)},
      {"no-thresholds", '\0', nullptr, "do not evaluate thresholds", to_switch(&RunSettings::no_thresholds)},
      {"no-summary", '\0', nullptr, nullptr, refuse_no_summary},
      {"summary-mode", '\0', "MODE", "compact, full or disabled", set_summary_mode},
      {"summary-export", '\0', "FILE", "write the summary as JSON", to_text(&RunSettings::summary_export)},
      {"new-machine-readable-summary", '\0', nullptr, nullptr, absent("--new-machine-readable-summary")},
      {"features", '\0', "LIST", "features of k6 2 to switch on (gauntlet features lists them)",
       [](Invocation& invocation, const std::string& text) { return take_features(invocation.settings, text); }},
      {"traces-output", '\0', "OUTPUT", nullptr,
       [](Invocation& invocation, const std::string& text) -> Result {
         return text == "none" ? Result() : absent("--traces-output")(invocation, text);
       }},
      // Terminal and log
      {"quiet", 'q', nullptr, "no banner, no progress", to_switch(&RunSettings::quiet)},
      {"no-color", '\0', nullptr, "plain text",
       [](Invocation& invocation, const std::string& text) -> Result {
         const auto value = TRY(base::parse_bool(text));
         invocation.settings.color = invocation.settings.log.color = !value;
         return {};
       }},
      {"verbose", 'v', nullptr, "debug messages, too",
       [](Invocation& invocation, const std::string& text) -> Result {
         const auto value = TRY(base::parse_bool(text));
         invocation.settings.log.verbose = value;
         return {};
       }},
      {"log-output", '\0', "WHERE", "stderr, stdout, none or file=PATH",
       [](Invocation& invocation, const std::string& text) -> Result {
         invocation.settings.log.output = text;
         return {};
       }},
      {"log-ns-timestamps", '\0', nullptr, "times in the log to the nanosecond",
       [](Invocation& invocation, const std::string& text) -> Result {
         const auto value = TRY(base::parse_bool(text));
         invocation.settings.log.nanoseconds = value;
         return {};
       }},
      {"log-format", '\0', "FORMAT", "logfmt, json or raw", set_log_format},
      // Without meaning here
      {"no-usage-report", '\0', nullptr, nullptr, ignore},
      {"profiling-enabled", '\0', nullptr, nullptr, ignore},
      {"secret-source", '\0', "SOURCE", "what k6/secrets reads: file=PATH or mock=KEY=VALUE,...; may be repeated",
       [](Invocation& invocation, const std::string& text) -> Result {
         invocation.settings.secret_sources.push_back(text);
         return {};
       }},
      // Of inspect, archive, deps and check
      {"execution-requirements", '\0', nullptr, nullptr, to_own_switch(&Invocation::requirements)},
      {"exclude-env-vars", '\0', nullptr, nullptr, to_own_switch(&Invocation::leave_environment_out)},
      {"json", '\0', nullptr, nullptr, to_own_switch(&Invocation::as_json)},
      {"archive-out", 'O', "FILE", nullptr,
       [](Invocation& invocation, const std::string& text) -> Result {
         invocation.archive_path = text;
         return {};
       }},
      {"help", 'h', nullptr, "this text",
       [](Invocation& invocation, const std::string&) -> Result {
         invocation.help = true;
         return {};
       }},
  };
}

const std::vector<Flag>& flags() {
  static const std::vector<Flag> kFlags = [] {
    std::vector<Flag> flags = flags_of_options();
    std::ranges::move(own_flags(), std::back_inserter(flags));
    return flags;
  }();
  return kFlags;
}

const Flag* flag_named(std::string_view name) {
  for (const Flag& flag : flags()) {
    if (name == flag.name) return &flag;
  }
  return nullptr;
}

const Flag* flag_lettered(char letter) {
  for (const Flag& flag : flags()) {
    if (letter == flag.letter) return &flag;
  }
  return nullptr;
}

std::string unknown_flag(const std::string& name) {
  std::vector<std::string_view> names;
  for (const Flag& flag : flags()) names.emplace_back(flag.name);
  const std::string_view nearest = base::nearest_name(name, names);
  return fmt::format("unknown flag: --{}{}", name, nearest.empty() ? "" : fmt::format("; did you mean --{}?", nearest));
}

/// One flag with its value; the message is that of k6's flag library.
Result apply(Invocation& invocation, const Flag& flag, const std::string& value) {
  auto ok = flag.apply(invocation, value);
  if (ok) return ok;
  if (ok.error().kind == base::ErrorKind::unimplemented) return ok;
  // k6 reads these as text and looks into them later, so that their messages stand alone.
  for (const char* late : {"tag", "env", "summary-mode", "execution-segment", "execution-segment-sequence"}) {
    if (std::strcmp(flag.name, late) == 0) return ok;
  }
  const std::string shown = flag.letter == '\0' ? fmt::format("--{}", flag.name) : fmt::format("-{}, --{}", flag.letter, flag.name);
  return tl::unexpected(std::move(ok.error()).in(fmt::format("invalid argument \"{}\" for \"{}\" flag", value, shown)));
}

}  // namespace

base::Error wrong_usage(std::string message) { return {base::ErrorKind::invalid_argument, std::move(message)}; }

Result set_log_format(Invocation& invocation, const std::string& text) {
  using Format = LogOptions::Format;
  Format& format = invocation.settings.log.format;
  if (text == "json") {
    format = Format::json;
  } else if (text == "raw") {
    format = Format::raw;
  } else if (text == "logfmt") {
    format = Format::logfmt;
  } else {
    format = Format::automatic;
  }
  return {};
}

Result set_summary_mode(Invocation& invocation, const std::string& text) {
  auto mode = TRY(engine::sinks::parse_summary_mode(text));
  invocation.settings.summary_mode = mode;
  invocation.summary_mode_given = true;
  return {};
}

void print_run_help() {
  fmt::print("Run a k6 script.\n\n  gauntlet run [flags] SCRIPT    (SCRIPT: a file, or - for standard input)\n\n");
  for (const Flag& flag : flags()) {
    if (flag.help == nullptr) continue;
    const std::string name = fmt::format("{}--{}{}", flag.letter == '\0' ? "    " : fmt::format("-{}, ", flag.letter), flag.name,
                                         flag.value == nullptr ? "" : fmt::format(" {}", flag.value));
    fmt::print("  {:<36} {}\n", name, flag.help);
  }
  fmt::print(
      "\nOutputs:\n"
      "  json=FILE.json   the end-of-test results with a row a second, written when the test has ended\n"
      "  points=FILE      every sample as a line of JSON, as k6's json output; FILE may end in .gz or .zst, - prints\n"
      "  json, json=FILE  (FILE not ending in .json) the same as points\n"
      "  csv=FILE         every sample as k6's CSV\n"
      "  prometheus-rw[=URL]     Prometheus remote write (k6: experimental-prometheus-rw); K6_PROMETHEUS_RW_SERVER_URL,\n"
      "                          _PUSH_INTERVAL (5s), _TREND_STATS (p(99)), _LABELS, _USERNAME, _PASSWORD, _BEARER_TOKEN...\n"
      "  prometheus[=[HOST:]PORT]  a page to be scraped while the test runs, http://127.0.0.1:9464/metrics\n"
      "  influxdb[=http://HOST:8086/DB]  InfluxDB 1 line protocol; K6_INFLUXDB_USERNAME, _PASSWORD, _PUSH_INTERVAL (1s),\n"
      "                          _PRECISION, _RETENTION, _TAGS_AS_FIELDS...\n"
      "  opentelemetry[=grpc://HOST:4317 or =http://HOST:4318]  OTLP metrics; K6_OTEL_EXPORTER_PROTOCOL (grpc),\n"
      "                          _GRPC_EXPORTER_ENDPOINT, _HTTP_EXPORTER_ENDPOINT, _EXPORT_INTERVAL (10s), _METRIC_PREFIX, _HEADERS...\n"
      "                          A receiver that is away or too slow never slows the test: what it lost is told. All: docs/OUTPUTS.md\n"
      "  web-dashboard    the live page; =port=5666&period=2s&open=true&export=report.html\n"
      "\nLive page (environment): K6_WEB_DASHBOARD=true, K6_WEB_DASHBOARD_HOST (127.0.0.1), _PORT (5665; 0: a free one,\n"
      "-1: none), _PERIOD (1s), _OPEN=true opens the browser, _EXPORT=report.html (or .html.gz) writes the report.\n"
      "\nExit codes: 0 done; 99 thresholds crossed; 100, 101 setup or teardown timed out; 104 invalid options;\n"
      "105 interrupted by a signal; 107 the script threw in init, setup or teardown; 108 exec.test.abort();\n"
      "110 exec.test.fail(); 111 the generator was the limit, with --require-generator-ok; 112 an agent was lost; 255 wrong usage, or a "
      "file is missing.\n");
}

std::string names_of_run_flags() {
  std::string names;
  for (const Flag& flag : flags()) {
    if (flag.help != nullptr) names += fmt::format("{}--{}", names.empty() ? "" : " ", flag.name);
  }
  return names;
}

Result read_arguments(Invocation& invocation, const std::vector<std::string>& arguments) {
  bool only_scripts = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (only_scripts || argument == "-" || argument.empty() || argument[0] != '-') {
      invocation.scripts.push_back(argument);
    } else if (argument == "--") {
      only_scripts = true;
    } else if (argument[1] == '-') {
      const std::size_t equals = argument.find('=');
      const std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
      const Flag* flag = flag_named(name);
      if (flag == nullptr) return tl::unexpected(wrong_usage(unknown_flag(name)));
      std::string value = "true";
      if (equals != std::string::npos) {
        value = argument.substr(equals + 1);
      } else if (flag->value != nullptr) {
        if (i + 1 == arguments.size()) return tl::unexpected(wrong_usage(fmt::format("flag needs an argument: --{}", name)));
        value = arguments[++i];
      }
      if (auto ok = apply(invocation, *flag, value); !ok) return ok;
    } else {
      // Letters may stand together; the first one that takes a value takes the rest.
      for (std::size_t at = 1; at < argument.size(); ++at) {
        const Flag* flag = flag_lettered(argument[at]);
        if (flag == nullptr) {
          return tl::unexpected(wrong_usage(fmt::format("unknown shorthand flag: '{}' in {}", argument[at], argument)));
        }
        std::string value = "true";
        const bool takes_rest = flag->value != nullptr;
        if (takes_rest) {
          value = argument.substr(at + 1);
          if (value.empty()) {
            if (i + 1 == arguments.size()) {
              return tl::unexpected(wrong_usage(fmt::format("flag needs an argument: '{}' in {}", argument[at], argument)));
            }
            value = arguments[++i];
          } else if (value[0] == '=') {
            value.erase(0, 1);
          }
        } else if (at + 1 < argument.size() && argument[at + 1] == '=') {
          value = argument.substr(at + 2);
          at = argument.size();
        }
        if (auto ok = apply(invocation, *flag, value); !ok) return ok;
        if (takes_rest) break;
      }
    }
  }
  return {};
}

}  // namespace gauntlet::cli
