"""CONTRIBUTING.md's "Add something", followed to the letter for a module of scripts and for a receiver of samples: the files that it
names, and no other, and a program that has the new part."""
import json
import pathlib
import shlex
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "release"

MODULE_HEADER = """#pragma once
namespace gauntlet::engine::script {
class Module;
}
namespace gauntlet::engine::api {
void init_greeting(script::Module& module);
}
"""
MODULE = """#include "engine/api/core/greeting.hpp"

#include "engine/script/binding.hpp"
#include "engine/script/value.hpp"

namespace gauntlet::engine::api {
namespace {
JSValue greet(script::Call call) { return script::new_string(call.context, "hello, " + script::Text(call.context, call.arg(0)).str()); }
const script::Member kExports[] = {script::function<&greet>("greet", 1)};
}  // namespace
void init_greeting(script::Module& module) { module.exports(kExports); }
}  // namespace gauntlet::engine::api
"""
RECEIVER_HEADER = """#pragma once
#include <string>

#include "engine/metrics/metric.hpp"
#include "engine/sinks/sample_output.hpp"

namespace gauntlet::engine::sinks {
struct TallyOptions {
  std::string file;
  std::string description() const { return "a tally in " + file; }
};
base::Expected<TallyOptions> read_tally_options(const std::string& argument, const Variables& variable);
class Tally final : public SampleOutput {
 public:
  Tally(TallyOptions options, const metrics::MetricRegistry& registry, Tell tell);
  void define_tags(std::uint32_t producer, std::uint32_t id, const metrics::StreamedTags& tags) override;
  void forget_tags(std::uint32_t producer) override;
  void consume(const metrics::StreamedSample& sample) override;
  void tick(Clock::time_point now) override;
  base::Expected<void> finish() override;

 private:
  TallyOptions options_;
  int samples_ = 0;
};
}  // namespace gauntlet::engine::sinks
"""
RECEIVER = """#include "engine/sinks/push/tally.hpp"

#include <fstream>

namespace gauntlet::engine::sinks {
base::Expected<TallyOptions> read_tally_options(const std::string& argument, const Variables&) {
  if (argument.empty()) return base::fail(base::ErrorKind::invalid_argument, "it needs a file, as tally=FILE");
  return TallyOptions{argument};
}
Tally::Tally(TallyOptions options, const metrics::MetricRegistry&, Tell) : options_(std::move(options)) {}
void Tally::define_tags(std::uint32_t, std::uint32_t, const metrics::StreamedTags&) {}
void Tally::forget_tags(std::uint32_t) {}
void Tally::consume(const metrics::StreamedSample&) { ++samples_; }
void Tally::tick(Clock::time_point) {}
base::Expected<void> Tally::finish() {
  std::ofstream(options_.file) << samples_;
  return {};
}
}  // namespace gauntlet::engine::sinks
"""


def with_line(file, before, line):
    """The file's text with one more line before the first one that begins so."""
    text = (ROOT / file).read_text()
    assert before in text
    return text.replace(before, f"{line}\n{before}", 1)


def program_with(folder, table, sources):
    """gauntlet, linked with `sources`, one of which is `table` with its new line, before the library that has the old one."""
    for name, text in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    commands = {entry["file"]: entry["command"] for entry in json.loads((BUILD / "compile_commands.json").read_text())}
    compiler = shlex.split(commands[str(ROOT / table)])
    compiler = compiler[next(i for i, word in enumerate(compiler) if word.endswith("c++")):compiler.index("-o")]
    objects = []
    for name in sources:
        if name.endswith(".cpp"):
            objects.append(str(folder / name) + ".o")
            subprocess.run([*compiler, "-O0", f"-I{folder}/src", "-c", folder / name, "-o", objects[-1]], cwd=BUILD, check=True)
    link = subprocess.run(["ninja", "-C", BUILD, "--quiet", "-t", "commands", "gauntlet"], capture_output=True, text=True, check=True)
    command = link.stdout.splitlines()[-1].replace("-o bin/gauntlet", f"-o {folder}/gauntlet {' '.join(objects)}", 1)
    subprocess.run(command, shell=True, cwd=BUILD, check=True)
    return folder / "gauntlet"


def run(program, script, *flags):
    return subprocess.run([program, "run", "--quiet", *flags, "-"], input=script, capture_output=True, text=True, timeout=60)


def test_a_module_is_a_pair_of_files_and_a_line_of_the_registry(tmp_path):
    registry = "src/engine/api/registry.cpp"
    lines = with_line(registry, '#include "engine/api/core/k6.hpp"', '#include "engine/api/core/greeting.hpp"')
    (tmp_path / registry).parent.mkdir(parents=True)
    lines = lines.replace('    script::NativeModule{"k6/html"', '    script::NativeModule{"k6/greeting", &init_greeting},\n    script::NativeModule{"k6/html"', 1)
    program = program_with(tmp_path, registry, {"src/engine/api/core/greeting.hpp": MODULE_HEADER,
                                                "src/engine/api/core/greeting.cpp": MODULE, registry: lines})
    ended = run(program, "import { greet } from 'k6/greeting'; export default function () { console.log(greet('world')); }")
    assert ended.returncode == 0 and "hello, world" in ended.stderr, ended.stderr


def test_a_receiver_is_a_pair_of_files_and_a_line_of_the_table(tmp_path):
    table = "src/engine/sinks/push/receivers.cpp"
    lines = with_line(table, '#include "engine/sinks/push/opentelemetry.hpp"', '#include "engine/sinks/push/tally.hpp"')
    lines = lines.replace('    Receiver{"prometheus-rw"', '    Receiver{"tally", "tally", false, &read<Tally, read_tally_options>},\n    Receiver{"prometheus-rw"', 1)
    program = program_with(tmp_path, table, {"src/engine/sinks/push/tally.hpp": RECEIVER_HEADER,
                                             "src/engine/sinks/push/tally.cpp": RECEIVER, table: lines})
    script = "import { Counter } from 'k6/metrics'; const c = new Counter('drinks'); export default function () { c.add(1); }"
    ended = run(program, script, "--iterations", "10", "--out", f"tally={tmp_path}/tally")
    assert ended.returncode == 0, ended.stderr
    assert int((tmp_path / "tally").read_text()) >= 10
    refused = run(program, script, "--out", "tally")
    assert refused.returncode == 255 and "it needs a file, as tally=FILE" in refused.stderr
