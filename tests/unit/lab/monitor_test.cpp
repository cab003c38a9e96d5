#include <gtest/gtest.h>
#include <unistd.h>

#include "lab/monitor/host_monitor.hpp"
#include "lab/monitor/metrics_page.hpp"
#include "lab/monitor/process_table.hpp"
#include "lab/monitor/redis_info.hpp"
#include "lab/record/recording.hpp"
#include "temporary_folder.hpp"

namespace gauntlet::lab {
namespace {

TEST(MetricsPage, is_read_with_labels_that_hold_braces_and_quotes) {
  const auto samples =
      parse_metrics_page("# HELP a b\n# TYPE a counter\na 3\nb{path=\"/x}\\\"y\",m=\"GET\"} 1.5e3\nbroken{x=\"\n\nc NaN\nd\n");
  ASSERT_EQ(samples.size(), 3U);
  EXPECT_EQ(samples[0].name, "a");
  EXPECT_EQ(samples[0].value, 3);
  EXPECT_EQ(samples[1].labels, "path=\"/x}\\\"y\",m=\"GET\"");
  EXPECT_EQ(samples[1].value, 1500);
  EXPECT_EQ(samples[2].name, "c");
}

TEST(RedisInfo, is_read_without_its_headings) {
  const auto info = parse_redis_info("# Server\r\nredis_version:7.0.15\r\n\r\n# Clients\r\nconnected_clients:4\r\n");
  EXPECT_EQ(info.size(), 2U);
  EXPECT_EQ(info.at("connected_clients"), "4");
}

TEST(Pressure, is_read_and_its_absence_is_no_zero) {
  const auto pressure =
      parse_pressure("some avg10=1.50 avg60=0.20 avg300=0.10 total=2500000\nfull avg10=0.75 avg60=0.00 avg300=0.00 total=1\n");
  ASSERT_TRUE(pressure);
  EXPECT_DOUBLE_EQ(pressure->some_avg10, 1.5);
  EXPECT_DOUBLE_EQ(pressure->full_avg10, 0.75);
  EXPECT_DOUBLE_EQ(pressure->some_total_s, 2.5);
  EXPECT_FALSE(parse_pressure(""));
}

TEST(ProcessCounters, of_this_process_grow_with_its_work_and_end_with_it) {
  const auto before = read_process(::getpid());
  ASSERT_TRUE(before);
  volatile double sum = 0;
  while (read_process(::getpid())->user_s < before->user_s + 0.02)
    for (int i = 0; i < 100'000; ++i) sum = sum + i;
  EXPECT_GT(read_process(::getpid())->resident_bytes(), 1'000'000U);
  EXPECT_FALSE(read_process(0x7ffffff));
}

TEST(BinarySize, is_written_as_docker_writes_it) {
  EXPECT_EQ(binary_size(512ULL << 20U), "512MiB");
  EXPECT_EQ(binary_size(3ULL << 29U), "1.5GiB");
  EXPECT_EQ(binary_size(0), "0B");
}

TEST(Recording, keeps_the_same_rows_as_csv_and_as_a_table) {
  const TemporaryFolder folder;
  auto recording = Recording::create(folder.path());
  ASSERT_TRUE(recording) << recording.error().message;
  ASSERT_TRUE(recording->add(1000.25, {{"thing", {{"name", "a,\"b\""}, {"count", std::int64_t{7}}, {"share", 0.5}, {"gone", Cell()}}}}));
  ASSERT_TRUE(recording->add(1001.25, {{"thing", {{"name", "c"}, {"count", std::int64_t{8}}, {"share", 1.0 / 3}, {"gone", Cell()}}}}));
  EXPECT_EQ(folder.read("thing.csv"), "time_s,name,count,share,gone\n1000.250,\"a,\"\"b\"\"\",7,0.5,\n1001.250,c,8,0.333333,\n");
  auto database = SqliteFile::open_existing(Recording::database_of(folder.path()));
  ASSERT_TRUE(database);
  const auto rows = database->query("SELECT name, share, gone FROM thing WHERE count = ?", {std::int64_t{7}});
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 1U);
  EXPECT_EQ((*rows)[0][0].text(), "a,\"b\"");
  EXPECT_EQ((*rows)[0][2].kind(), Cell::Kind::null);
}

TEST(SqliteFile, says_which_file_is_none) {
  const TemporaryFolder folder;
  EXPECT_EQ(SqliteFile::open_existing(folder / "gone.sqlite").error().kind, base::ErrorKind::not_found);
  auto database = SqliteFile::open(folder.write("text.sqlite", std::string(5000, 'x')));
  const auto failed = database->query("SELECT 1 FROM sqlite_master");
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("text.sqlite"), std::string::npos);
}

}  // namespace
}  // namespace gauntlet::lab
