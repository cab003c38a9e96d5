#pragma once
// Protobuf schemas as gRPC scripts load them: .proto files with their imports, descriptor sets, or what a server's
// reflection told; compiled once into tables that the converters between JavaScript and the wire follow. A schema is
// immutable and shared by all virtual users and threads.
//
//   SchemaCache& schemas = vu.shared().get<SchemaCache>();
//   auto schema = schemas.load({.directory = script_folder, .import_paths = {"../proto"}, .files = {"service.proto"}});
//   const Method* method = (*schema)->find_method("/hello.Greeter/Say");
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::engine::grpc {

/// How a field's values stand on the wire; protobuf's types.
enum class Kind : std::uint8_t {
  double_,
  float_,
  int32,
  int64,
  uint32,
  uint64,
  sint32,
  sint64,
  fixed32,
  fixed64,
  sfixed32,
  sfixed64,
  boolean,
  enumeration,
  string,
  bytes,
  message,
  group,
};
/// "int32", "double", "enum": the words of protobuf's JSON errors.
std::string_view name_of(Kind kind);
/// Whether its values have fields of their own.
constexpr bool is_message_kind(Kind kind) { return kind == Kind::message || kind == Kind::group; }

/// Messages of google.protobuf that have a JSON form of their own.
enum class WellKnown : std::uint8_t { none, any, timestamp, duration, field_mask, structure, value, list_value, empty, wrapper };

struct EnumType {
  std::uint32_t id = 0;  ///< different for each enum and message of the process; small
  std::string full_name;
  std::vector<std::pair<std::string, std::int32_t>> values;  ///< as declared, aliases included
  std::unordered_map<std::string, std::int32_t> by_name;
  std::unordered_map<std::int32_t, std::uint32_t> by_number;  ///< to the first value of that number
  bool is_null_value = false;                                 ///< google.protobuf.NullValue: null in JSON
};

struct MessageType;

struct Field {
  std::string name;       ///< as declared
  std::string json_name;  ///< lowerCamelCase, or the json_name option
  std::uint32_t number = 0;
  Kind kind = Kind::int32;
  bool repeated = false;  ///< maps too
  bool packed = false;
  bool is_map = false;        ///< `message` is then the entry: field 0 is the key, field 1 the value
  bool has_presence = false;  ///< an explicit zero differs from absence
  bool required = false;
  bool checks_utf8 = false;
  bool proto3_optional = false;
  std::int16_t oneof = -1;  ///< index of the oneof in MessageType::oneofs, or -1; not set for proto3's optional
  const MessageType* message = nullptr;
  const EnumType* enumeration = nullptr;
};

struct MessageType {
  std::uint32_t id = 0;  ///< see EnumType::id
  std::string full_name;
  WellKnown well_known = WellKnown::none;
  bool has_required = false;  ///< itself; those of its parts are theirs
  std::vector<Field> fields;  ///< as declared
  std::vector<std::string> oneofs;
  /// The index in `fields` of that number, or -1.
  int index_of(std::uint32_t number) const;

  std::vector<std::int16_t> near_numbers;  ///< by number, for the small ones
  std::unordered_map<std::uint32_t, std::uint16_t> far_numbers;
};

struct Method {
  std::string package;
  std::string service;  ///< without the package
  std::string name;
  std::string full_method;  ///< "/pkg.Service/Method"
  bool client_stream = false;
  bool server_stream = false;
  const MessageType* input = nullptr;
  const MessageType* output = nullptr;
};

class Schema {
 public:
  ~Schema();
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;

  /// All methods of the loaded files and their imports, those of imports first.
  const std::vector<Method>& methods() const { return methods_; }
  /// By "/pkg.Service/Method"; nullptr when there is none.
  const Method* find_method(std::string_view full_method) const;
  /// By full name, google.protobuf's well-known ones included.
  const MessageType* find_message(std::string_view full_name) const;

 private:
  friend class SchemaBuilder;
  Schema();

  std::vector<Method> methods_;
  std::unordered_map<std::string_view, std::size_t> methods_by_name_;
  std::vector<std::unique_ptr<MessageType>> messages_;
  std::vector<std::unique_ptr<EnumType>> enums_;
  std::unordered_map<std::string_view, const MessageType*> messages_by_name_;
};

using SchemaPtr = std::shared_ptr<const Schema>;  // shared by the virtual users that loaded it

/// What `client.load(importPaths, ...files)` names.
struct ProtoFiles {
  std::string directory;                  ///< of the script; relative import paths start here
  std::vector<std::string> import_paths;  ///< searched in order; none: `directory`
  std::vector<std::string> files;         ///< relative to an import path
  auto operator<=>(const ProtoFiles&) const = default;
};

/// Gives a file's content; errors read "stat /path: no such file or directory".
using ReadFile = std::function<base::Expected<std::string>(const std::string& path)>;
base::Expected<std::string> read_file(const std::string& path);

/// Compiles .proto files with their imports; those of google/protobuf/ are built in. Errors read "file:line:column:
/// what is wrong", or as ReadFile's.
base::Expected<SchemaPtr> compile_schema(const ProtoFiles& what, const ReadFile& read = read_file);
/// From a serialised google.protobuf.FileDescriptorSet.
base::Expected<SchemaPtr> schema_from_descriptor_set(std::string_view bytes);
/// From serialised google.protobuf.FileDescriptorProtos (reflection), in any order.
base::Expected<SchemaPtr> schema_from_files(const std::vector<std::string>& files);

/// Loads each set of files once a process, however many virtual users ask. Thread-safe.
class SchemaCache {
 public:
  base::Expected<SchemaPtr> load(const ProtoFiles& what, const ReadFile& read = read_file);
  base::Expected<SchemaPtr> load_protoset(const std::string& path, const ReadFile& read = read_file);
  /// `key` names the source; `make` is called when there is none of that key.
  base::Expected<SchemaPtr> get(const std::string& key, const std::function<base::Expected<SchemaPtr>()>& make);

 private:
  std::mutex mutex_;
  std::map<ProtoFiles, base::Expected<SchemaPtr>> by_files_;
  std::map<std::string, base::Expected<SchemaPtr>> by_key_;
};

}  // namespace gauntlet::engine::grpc
