// Files for k6/experimental/csv: rows until the end or an error that says where, and every byte is read once.
#include "engine/api/data/csv_reader.hpp"
#include "fuzz/bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gauntlet;
  using engine::api::CsvReader;
  constexpr const char* kDelimiters[] = {",", ";", "\t", "\xe2\x82\xac", "\""};
  fuzz::Bytes bytes(data, size);
  const char* const delimiter = kDelimiters[bytes.choice(5)];
  CsvReader reader(bytes.rest(), delimiter);
  std::size_t fields = 0;
  for (;;) {
    const std::size_t before = reader.offset();
    const auto row = reader.next();
    fuzz::require(reader.offset() <= bytes.rest().size(), "nothing is read beyond the text");
    if (!row) {
      fuzz::require(!row.error().message.empty(), "an error has words");
      return 0;
    }
    if (!*row) break;
    fuzz::require(reader.offset() > before, "a row is made of something");
    if (fields == 0) fields = (*row)->size();
    fuzz::require((*row)->size() == fields, "all rows have as many fields");
  }
  fuzz::require(reader.offset() == bytes.rest().size(), "at the end all has been read");
  return 0;
}
