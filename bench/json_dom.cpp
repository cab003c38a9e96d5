// What simdjson's DOM costs for one text, again and again into the same memory: the floor of a JSON.parse of it.
//   bench-json FILE SECONDS
// Prints microseconds of CPU a text.
#include <simdjson.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace {

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace

int main(int argc, char** argv) {
  simdjson::padded_string text;
  if (argc != 3 || simdjson::padded_string::load(argv[1]).get(text) != simdjson::SUCCESS) {
    std::fputs("usage: bench-json FILE SECONDS\n", stderr);
    return 2;
  }
  simdjson::dom::parser parser;
  const double began = cpu_seconds(), until = began + std::atof(argv[2]);
  double parsed = 0;
  for (; cpu_seconds() < until; ++parsed)
    if (const auto error = parser.parse(text).error()) {
      std::fprintf(stderr, "bench-json: %s: %s\n", argv[1], simdjson::error_message(error));
      return 1;
    }
  std::printf("%.2f\n", 1e6 * (cpu_seconds() - began) / parsed);
}
