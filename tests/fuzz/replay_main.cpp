// Runs a fuzz target without libFuzzer, as `make test` does: every file of a corpus folder as it is, then as many
// damaged copies as asked for, from a fixed seed. `make fuzz` builds the same targets with libFuzzer instead.
//
//   fuzz_NAME CORPUS_FOLDER [ROUNDS]
//
// Exit status: 0 all inputs were digested; 2 wrong usage. A broken promise aborts, after the input has been written to
// a file in the working directory whose name is printed.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::string input;

extern "C" void keep_input(int signal_number) {
  std::ofstream("crash-input", std::ios::binary) << input;
  std::fputs("the input is in ./crash-input\n", stderr);
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);
}

void run() {
  // A copy of the exact size, so that a read past the end is seen.
  const std::vector<std::uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

/// One to four edits: a byte changed, put in or taken out, a piece doubled, or the rest of another input.
void damage(std::mt19937_64& random, const std::vector<std::string>& corpus) {
  static constexpr char kTelling[] = "\0\r\n \t\"'{}[]<>:;,=%/\\#&-+.0189aZ\x7f\x80\xff";
  for (auto edits = 1 + random() % 4; edits > 0; --edits) {
    const std::size_t at = input.empty() ? 0 : random() % input.size();
    const char byte = random() % 2 == 0 ? kTelling[random() % (sizeof kTelling - 1)] : static_cast<char>(random());
    switch (random() % 5) {
      case 0:
        if (!input.empty()) input[at] = byte;
        break;
      case 1: input.insert(at, 1, byte); break;
      case 2: input.erase(at, 1 + random() % 8); break;
      case 3: input.insert(at, input.substr(at, 1 + random() % 32)); break;
      default: {
        const std::string& other = corpus[random() % corpus.size()];
        input = input.substr(0, at) + other.substr(other.empty() ? 0 : random() % other.size());
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER [ROUNDS]\n", argv[0]);
    return 2;
  }
  std::signal(SIGABRT, keep_input);
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> corpus{""};
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  for (const std::string& text : corpus) {
    input = text;
    run();
  }
  const long rounds = argc > 2 ? std::strtol(argv[2], nullptr, 10) : 0;
  std::mt19937_64 random(20261125);
  for (long round = 0; round < rounds; ++round) {
    input = corpus[random() % corpus.size()];
    damage(random, corpus);
    run();
  }
  std::printf("%zu inputs and %ld damaged ones digested\n", corpus.size(), rounds);
  return 0;
}
