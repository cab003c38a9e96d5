#include "engine/wire/grpc/schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

namespace gauntlet::engine::grpc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

base::Expected<SchemaPtr> compile(const std::map<std::string, std::string>& files, std::vector<std::string> wanted,
                                  std::vector<std::string> import_paths = {}) {
  return compile_schema({"/scripts", std::move(import_paths), std::move(wanted)},
                        [&](const std::string& path) -> base::Expected<std::string> {
                          const auto found = files.find(path);
                          if (found == files.end())
                            return base::fail(base::ErrorKind::not_found, "stat " + path + ": no such file or directory");
                          return found->second;
                        });
}

constexpr const char* kGreeter = R"(
syntax = "proto3";
package hello;
message Ask { string name = 1; }
service Greeter { rpc Say(Ask) returns (Ask); rpc Talk(stream Ask) returns (stream Ask); }
)";

TEST(Schema, lists_methods_as_k6_does_with_those_of_imports_first) {
  const auto schema =
      compile({{"/scripts/a.proto", "syntax=\"proto3\"; package p; import \"b.proto\"; service A { rpc X(q.M) returns (q.M); }"},
               {"/scripts/b.proto", "syntax=\"proto3\"; package q; message M {} service B { rpc Y(stream M) returns (M); }"}},
              {"a.proto", "b.proto"});
  ASSERT_TRUE(schema) << schema.error().message;
  ASSERT_EQ((*schema)->methods().size(), 2U);
  const Method& first = (*schema)->methods()[0];
  EXPECT_EQ(first.package, "q");
  EXPECT_EQ(first.service, "B");
  EXPECT_EQ(first.name, "Y");
  EXPECT_EQ(first.full_method, "/q.B/Y");
  EXPECT_TRUE(first.client_stream);
  EXPECT_FALSE(first.server_stream);
  const Method* const second = (*schema)->find_method("/p.A/X");
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second->input->full_name, "q.M");
  EXPECT_EQ((*schema)->find_method("p.A/X"), nullptr);
}

TEST(Schema, looks_for_files_along_the_import_paths_of_the_script_s_folder) {
  const std::map<std::string, std::string> files = {{"/proto/deep/a.proto", kGreeter}, {"/abs/b.proto", kGreeter}};
  EXPECT_TRUE(compile(files, {"a.proto"}, {"../proto/deep"}));
  EXPECT_TRUE(compile(files, {"deep/a.proto"}, {"nowhere", "../proto"}));
  EXPECT_TRUE(compile(files, {"b.proto"}, {"/abs"}));
  const auto missing = compile(files, {"a.proto"}, {"../proto", "sub"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "stat /scripts/sub/a.proto: no such file or directory");
}

TEST(Schema, tells_where_a_file_is_wrong) {
  const auto problem = [](const std::string& text) {
    const auto schema = compile({{"/scripts/x.proto", text}}, {"x.proto"});
    return schema ? "compiles" : schema.error().message;
  };
  EXPECT_EQ(problem("syntax = \"proto3\";\npackage b;\nmessage A { strin x = 1; }\n"), "x.proto:3:13: \"strin\" is not defined.");
  EXPECT_EQ(problem("syntax = \"proto3\";\nimport \"no/such.proto\";\n"),
            "x.proto:2:1: stat /scripts/no/such.proto: no such file or directory");
  EXPECT_THAT(problem("syntax = \"proto3\";\nmessage A { string x = 1 }\n"), testing::StartsWith("x.proto:2:26: "));
  EXPECT_THAT(problem("syntax = \"proto3\";\nmessage A { string x = 1; string y = 1; }\n"), HasSubstr("x.proto:2:38"));
  EXPECT_THAT(problem(std::string(100, '\0')), testing::StartsWith("x.proto:1:"));
}

TEST(Schema, has_google_s_well_known_types_built_in) {
  const auto schema = compile({{"/scripts/x.proto", R"(
    syntax = "proto3";
    import "google/protobuf/timestamp.proto";
    import "google/protobuf/struct.proto";
    message A { google.protobuf.Timestamp t = 1; google.protobuf.Value v = 2; }
    service S { rpc M(A) returns (A); })"}},
                              {"x.proto"});
  ASSERT_TRUE(schema) << schema.error().message;
  const MessageType& type = *(*schema)->methods()[0].input;
  EXPECT_EQ(type.fields[0].message->well_known, WellKnown::timestamp);
  EXPECT_EQ(type.fields[1].message->well_known, WellKnown::value);
  // Those that nothing imports can be in an Any.
  ASSERT_NE((*schema)->find_message("google.protobuf.Duration"), nullptr);
}

TEST(Schema, knows_how_each_field_is_written) {
  const auto schema = compile({{"/scripts/x.proto", R"(
    syntax = "proto3";
    message A {
      int32 plain = 1; repeated int32 packed = 2; repeated int32 loose = 3 [packed = false]; optional int32 maybe = 4;
      oneof choice { string left = 5; A right = 6; } map<string, A> by_name = 7; string renamed_one = 8 [json_name = "else"];
      string far_away = 100000; Kind kind = 9;
      enum Kind { option allow_alias = true; ZERO = 0; NULL = 0; MINUS = -1; }
    }
    service S { rpc M(A) returns (A); })"}},
                              {"x.proto"});
  ASSERT_TRUE(schema) << schema.error().message;
  const MessageType& type = *(*schema)->methods()[0].input;
  const auto& fields = type.fields;
  EXPECT_FALSE(fields[0].has_presence);
  EXPECT_TRUE(fields[1].packed);
  EXPECT_FALSE(fields[2].packed);
  EXPECT_TRUE(fields[3].has_presence);
  EXPECT_TRUE(fields[3].proto3_optional);
  EXPECT_EQ(fields[3].oneof, -1);
  EXPECT_EQ(fields[4].oneof, 0);
  EXPECT_EQ(fields[5].message, &type);
  EXPECT_THAT(type.oneofs, ElementsAre("A.choice"));
  EXPECT_TRUE(fields[6].is_map);
  EXPECT_EQ(fields[6].json_name, "byName");
  EXPECT_EQ(fields[7].json_name, "else");
  EXPECT_EQ(type.index_of(100000), 8);
  EXPECT_EQ(type.index_of(9), 9);
  EXPECT_EQ(type.index_of(99), -1);
  EXPECT_EQ(fields[9].enumeration->values[fields[9].enumeration->by_number.at(0)].first, "ZERO");
  EXPECT_EQ(fields[9].enumeration->by_name.at("NULL"), 0);
}

class SchemaFiles : public testing::Test {
 protected:
  SchemaFiles() { std::filesystem::create_directories(folder); }
  ~SchemaFiles() override { std::filesystem::remove_all(folder); }
  void write(const std::string& name, const std::string& content) { std::ofstream(folder / name, std::ios::binary) << content; }
  std::filesystem::path folder = std::filesystem::temp_directory_path() / ("schema_test_" + std::to_string(getpid()));
};

TEST_F(SchemaFiles, are_compiled_once_for_all_virtual_users) {
  write("a.proto", kGreeter);
  SchemaCache cache;
  const ProtoFiles what{folder.string(), {}, {"a.proto"}};
  std::vector<std::thread> users;
  std::vector<const Schema*> got(8);
  std::atomic<int> failures{0};
  for (auto& slot : got) {
    users.emplace_back([&] {
      const auto schema = cache.load(what);
      if (schema) {
        slot = schema->get();
      } else {
        ++failures;
      }
    });
  }
  for (auto& user : users) user.join();
  EXPECT_EQ(failures, 0);
  for (const Schema* const each : got) EXPECT_EQ(each, got[0]);
  std::filesystem::remove(folder / "a.proto");
  EXPECT_TRUE(cache.load(what)) << "read again";
  EXPECT_EQ(cache.load({folder.string(), {}, {"b.proto"}}).error().message,
            "stat " + (folder / "b.proto").string() + ": no such file or directory");
  EXPECT_THAT(cache.load({folder.parent_path().string(), {}, {folder.filename().string()}}).error().message, HasSubstr("is a directory"));
}

TEST_F(SchemaFiles, come_as_descriptor_sets_too) {
  write("a.proto", kGreeter);
  const std::string set = (folder / "a.protoset").string();
  const std::string command = "protoc --descriptor_set_out=" + set + " -I" + folder.string() + " a.proto";
  ASSERT_EQ(std::system(command.c_str()), 0);
  SchemaCache cache;
  const auto schema = cache.load_protoset(set);
  ASSERT_TRUE(schema) << schema.error().message;
  EXPECT_NE((*schema)->find_method("/hello.Greeter/Talk"), nullptr);
  EXPECT_EQ(cache.load_protoset(folder / "none").error().message,
            "couldn't open protoset: stat " + (folder / "none").string() + ": no such file or directory");
  EXPECT_EQ(cache.load_protoset(folder / "a.proto").error().message,
            "couldn't unmarshal protoset file a.proto: proto: cannot parse invalid wire-format data");
}

}  // namespace
}  // namespace gauntlet::engine::grpc
