#include "engine/wire/grpc/schema.hpp"

#include <fmt/format.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <limits>
#include <set>
#include <utility>

#include "base/whole_file.hpp"

namespace gauntlet::engine::grpc {
namespace {

namespace pb = google::protobuf;

/// Numbers below this are found through a table, others through a hash map.
constexpr std::uint32_t kNearNumbers = 128;

constexpr std::string_view kKindNames[] = {"double",  "float",    "int32",    "int64", "uint32", "uint64", "sint32", "sint64",  "fixed32",
                                           "fixed64", "sfixed32", "sfixed64", "bool",  "enum",   "string", "bytes",  "message", "group"};

std::uint32_t next_type_id() {
  static std::atomic<std::uint32_t> next{0};
  return next.fetch_add(1);
}

/// The well-known types that an Any may hold even if no file of a schema imports them.
const std::vector<const pb::FileDescriptor*>& built_in_files() {
  static const std::vector<const pb::FileDescriptor*> files = {pb::Any::descriptor()->file(),       pb::Duration::descriptor()->file(),
                                                               pb::Empty::descriptor()->file(),     pb::FieldMask::descriptor()->file(),
                                                               pb::Struct::descriptor()->file(),    pb::Timestamp::descriptor()->file(),
                                                               pb::Int32Value::descriptor()->file()};
  return files;
}

class BuiltInDatabase final : public pb::DescriptorDatabase {
 public:
  bool FindFileByName(const std::string& name, pb::FileDescriptorProto* into) override {
    if (!name.starts_with("google/protobuf/")) return false;
    built_in_files();  // makes sure that they are in the pool
    pb::FileDescriptorProto::descriptor();
    const pb::FileDescriptor* const file = pb::DescriptorPool::generated_pool()->FindFileByName(name);
    if (file == nullptr) return false;
    file->CopyTo(into);
    return true;
  }
  bool FindFileContainingSymbol(const std::string&, pb::FileDescriptorProto*) override { return false; }
  bool FindFileContainingExtension(const std::string&, int, pb::FileDescriptorProto*) override { return false; }
};

class NoErrors final : public pb::io::ErrorCollector {
  void AddError(int, int, const std::string&) override {}
};

/// Begins with `edition = "2023";`, in place of a syntax.
bool has_edition(const std::string& text) {
  pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  NoErrors errors;
  pb::io::Tokenizer tokens(&stream, &errors);
  return tokens.Next() && tokens.current().text == "edition";
}

/// .proto files found along the import paths.
class ImportPaths final : public pb::compiler::SourceTree {
 public:
  /// Compiled, a definition takes many times its text; the largest published ones have some 5 MB.
  static constexpr std::size_t kLargestProto = std::size_t{64} << 20;

  ImportPaths(const ProtoFiles& what, const ReadFile& read) : read_(read) {
    const std::filesystem::path base(what.directory);
    for (const std::string& path : what.import_paths) roots_.push_back((base / path).lexically_normal());
    if (roots_.empty()) roots_.push_back(base.lexically_normal());
  }

  pb::io::ZeroCopyInputStream* Open(const std::string& name) override {
    for (const auto& root : roots_) {
      auto content = read_((root / name).lexically_normal().string());
      if (content && content->size() > kLargestProto) {
        content = base::fail(base::ErrorKind::resource_exhausted, fmt::format("{} is larger than {} MB", name, kLargestProto >> 20));
      }
      if (content && has_edition(*content)) {
        content = base::fail(
            base::ErrorKind::unimplemented,
            fmt::format("{} is of an edition, which cannot be read here: give it syntax = \"proto3\" or \"proto2\" in its place", name));
      }
      if (content) {
        contents_.push_back(std::make_unique<std::string>(std::move(*content)));
        return new pb::io::ArrayInputStream(contents_.back()->data(), static_cast<int>(contents_.back()->size()));
      }
      missing_[name] = content.error().message;
    }
    return nullptr;
  }
  std::string GetLastErrorMessage() override { return "not found"; }

  /// The file's name and why it could not be read, or nullptr.
  const std::pair<const std::string, std::string>* problem_of(const std::string& name) const {
    const auto found = missing_.find(name);
    return found == missing_.end() ? nullptr : &*found;
  }

 private:
  const ReadFile& read_;
  std::vector<std::filesystem::path> roots_;
  std::vector<std::unique_ptr<std::string>> contents_;  // streams read them in place
  std::map<std::string, std::string> missing_;
};

/// Keeps the first error, which is the one that explains the others.
class FirstError final : public pb::compiler::MultiFileErrorCollector {
 public:
  explicit FirstError(const ImportPaths& paths) : paths_(paths) {}

  void AddError(const std::string& file, int line, int column, const std::string& message) override {
    // A missing import is told twice: for the file itself without a place, then at the import, which is of more use.
    if (line < 0 && paths_.problem_of(file) != nullptr) {
      missing_ = paths_.problem_of(file);
      return;
    }
    if (!text_.empty()) return;
    if (missing_ != nullptr && message.find('"' + missing_->first + '"') != std::string::npos) {
      text_ = fmt::format("{}:{}:{}: {}", file, line + 1, column + 1, missing_->second);
    } else {
      text_ = line < 0 ? fmt::format("{}: {}", file, message) : fmt::format("{}:{}:{}: {}", file, line + 1, column + 1, message);
    }
  }

  std::string text() const { return !text_.empty() ? text_ : missing_ != nullptr ? missing_->second : "the files do not compile"; }

 private:
  const ImportPaths& paths_;
  const std::pair<const std::string, std::string>* missing_ = nullptr;
  std::string text_;
};

class PoolErrors final : public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element, const pb::Message*, ErrorLocation,
                const std::string& message) override {
    if (text.empty()) text = fmt::format("{}: {}: {}", file, element, message);
  }
  std::string text;
};

WellKnown well_known_of(const pb::Descriptor& type) {
  switch (type.well_known_type()) {
    case pb::Descriptor::WELLKNOWNTYPE_ANY: return WellKnown::any;
    case pb::Descriptor::WELLKNOWNTYPE_TIMESTAMP: return WellKnown::timestamp;
    case pb::Descriptor::WELLKNOWNTYPE_DURATION: return WellKnown::duration;
    case pb::Descriptor::WELLKNOWNTYPE_FIELDMASK: return WellKnown::field_mask;
    case pb::Descriptor::WELLKNOWNTYPE_STRUCT: return WellKnown::structure;
    case pb::Descriptor::WELLKNOWNTYPE_VALUE: return WellKnown::value;
    case pb::Descriptor::WELLKNOWNTYPE_LISTVALUE: return WellKnown::list_value;
    case pb::Descriptor::WELLKNOWNTYPE_UNSPECIFIED: return type.full_name() == "google.protobuf.Empty" ? WellKnown::empty : WellKnown::none;
    default: return WellKnown::wrapper;
  }
}

Kind kind_of(const pb::FieldDescriptor& field) {
  switch (field.type()) {
    case pb::FieldDescriptor::TYPE_DOUBLE: return Kind::double_;
    case pb::FieldDescriptor::TYPE_FLOAT: return Kind::float_;
    case pb::FieldDescriptor::TYPE_INT64: return Kind::int64;
    case pb::FieldDescriptor::TYPE_UINT64: return Kind::uint64;
    case pb::FieldDescriptor::TYPE_INT32: return Kind::int32;
    case pb::FieldDescriptor::TYPE_FIXED64: return Kind::fixed64;
    case pb::FieldDescriptor::TYPE_FIXED32: return Kind::fixed32;
    case pb::FieldDescriptor::TYPE_BOOL: return Kind::boolean;
    case pb::FieldDescriptor::TYPE_STRING: return Kind::string;
    case pb::FieldDescriptor::TYPE_GROUP: return Kind::group;
    case pb::FieldDescriptor::TYPE_MESSAGE: return Kind::message;
    case pb::FieldDescriptor::TYPE_BYTES: return Kind::bytes;
    case pb::FieldDescriptor::TYPE_UINT32: return Kind::uint32;
    case pb::FieldDescriptor::TYPE_ENUM: return Kind::enumeration;
    case pb::FieldDescriptor::TYPE_SFIXED32: return Kind::sfixed32;
    case pb::FieldDescriptor::TYPE_SFIXED64: return Kind::sfixed64;
    case pb::FieldDescriptor::TYPE_SINT32: return Kind::sint32;
    case pb::FieldDescriptor::TYPE_SINT64: return Kind::sint64;
  }
  return Kind::int32;
}

}  // namespace

std::string_view name_of(Kind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

int MessageType::index_of(std::uint32_t number) const {
  if (number < near_numbers.size()) return near_numbers[number];
  if (far_numbers.empty()) return -1;
  const auto found = far_numbers.find(number);
  return found == far_numbers.end() ? -1 : found->second;
}

Schema::Schema() = default;
Schema::~Schema() = default;

const Method* Schema::find_method(std::string_view full_method) const {
  const auto found = methods_by_name_.find(full_method);
  return found == methods_by_name_.end() ? nullptr : &methods_[found->second];
}

const MessageType* Schema::find_message(std::string_view full_name) const {
  const auto found = messages_by_name_.find(full_name);
  return found == messages_by_name_.end() ? nullptr : found->second;
}

/// Turns descriptors into a Schema's tables; the descriptors are not needed afterwards.
class SchemaBuilder {
 public:
  SchemaBuilder() : schema_(new Schema()) {}

  void add_file(const pb::FileDescriptor& file) {
    if (!files_.insert(file.name()).second) return;
    for (int i = 0; i < file.dependency_count(); ++i) add_file(*file.dependency(i));
    for (int i = 0; i < file.service_count(); ++i) add_service(*file.service(i));
    for (int i = 0; i < file.message_type_count(); ++i) add_all(*file.message_type(i));
  }

  SchemaPtr finish() {
    for (std::size_t i = 0; i < schema_->methods_.size(); ++i) {
      schema_->methods_by_name_.emplace(schema_->methods_[i].full_method, i);
    }
    return std::move(schema_);
  }

 private:
  void add_service(const pb::ServiceDescriptor& service) {
    for (int i = 0; i < service.method_count(); ++i) {
      const pb::MethodDescriptor& method = *service.method(i);
      schema_->methods_.push_back({service.file()->package(), service.name(), method.name(),
                                   fmt::format("/{}/{}", service.full_name(), method.name()), method.client_streaming(),
                                   method.server_streaming(), message(*method.input_type()), message(*method.output_type())});
    }
  }

  void add_all(const pb::Descriptor& type) {
    message(type);
    for (int i = 0; i < type.nested_type_count(); ++i) add_all(*type.nested_type(i));
  }

  const MessageType* message(const pb::Descriptor& type) {
    const auto known = messages_.find(&type);
    if (known != messages_.end()) return known->second;
    auto& made = *schema_->messages_.emplace_back(std::make_unique<MessageType>());
    messages_[&type] = &made;  // before its fields: types may hold themselves
    made.id = next_type_id();
    made.full_name = type.full_name();
    made.well_known = well_known_of(type);
    schema_->messages_by_name_.emplace(made.full_name, &made);
    for (int i = 0; i < type.real_oneof_decl_count(); ++i) made.oneofs.push_back(type.oneof_decl(i)->full_name());
    made.fields.reserve(static_cast<std::size_t>(type.field_count()));
    for (int i = 0; i < type.field_count(); ++i) add_field(made, *type.field(i));
    return &made;
  }

  void add_field(MessageType& type, const pb::FieldDescriptor& from) {
    Field field;
    field.name = from.name();
    field.json_name = from.json_name();
    field.number = static_cast<std::uint32_t>(from.number());
    field.kind = kind_of(from);
    field.repeated = from.is_repeated();
    field.packed = from.is_packed();
    field.is_map = from.is_map();
    field.has_presence = from.has_presence();
    field.required = from.is_required();
    field.checks_utf8 = field.kind == Kind::string && from.file()->syntax() == pb::FileDescriptor::SYNTAX_PROTO3;
    if (const pb::OneofDescriptor* const oneof = from.real_containing_oneof()) field.oneof = static_cast<std::int16_t>(oneof->index());
    field.proto3_optional = from.containing_oneof() != nullptr && field.oneof < 0;
    type.has_required |= field.required;
    if (from.message_type() != nullptr) field.message = message(*from.message_type());
    if (from.enum_type() != nullptr) field.enumeration = enumeration(*from.enum_type());
    const std::size_t index = type.fields.size();
    if (field.number < kNearNumbers) {
      if (type.near_numbers.size() <= field.number) type.near_numbers.resize(field.number + 1, -1);
      type.near_numbers[field.number] = static_cast<std::int16_t>(index);
    } else {
      type.far_numbers.emplace(field.number, static_cast<std::uint16_t>(index));
    }
    type.fields.push_back(std::move(field));
  }

  const EnumType* enumeration(const pb::EnumDescriptor& type) {
    const auto known = enums_.find(&type);
    if (known != enums_.end()) return known->second;
    auto& made = *schema_->enums_.emplace_back(std::make_unique<EnumType>());
    enums_[&type] = &made;
    made.id = next_type_id();
    made.full_name = type.full_name();
    made.is_null_value = made.full_name == "google.protobuf.NullValue";
    for (int i = 0; i < type.value_count(); ++i) {
      const pb::EnumValueDescriptor& value = *type.value(i);
      made.by_name.emplace(value.name(), value.number());
      made.by_number.emplace(value.number(), static_cast<std::uint32_t>(i));
      made.values.emplace_back(value.name(), value.number());
    }
    return &made;
  }

  std::shared_ptr<Schema> schema_;
  std::set<std::string> files_;
  std::unordered_map<const pb::Descriptor*, const MessageType*> messages_;
  std::unordered_map<const pb::EnumDescriptor*, const EnumType*> enums_;
};

namespace {

SchemaPtr build(const std::vector<const pb::FileDescriptor*>& files) {
  SchemaBuilder builder;
  for (const pb::FileDescriptor* const file : files) builder.add_file(*file);
  for (const pb::FileDescriptor* const file : built_in_files()) builder.add_file(*file);
  return builder.finish();
}

}  // namespace

base::Expected<std::string> read_file(const std::string& path) {
  auto text = base::read_whole_file(path);
  if (text) return std::move(*text);
  const std::string what = text.error() == std::errc::is_a_directory              ? "read {}: is a directory"
                           : text.error() == std::errc::no_such_file_or_directory ? "stat {}: no such file or directory"
                                                                                  : "read {}: " + text.error().message();
  return base::fail(base::ErrorKind::not_found, fmt::format(fmt::runtime(what), path));
}

base::Expected<SchemaPtr> compile_schema(const ProtoFiles& what, const ReadFile& read) {
  ImportPaths paths(what, read);
  FirstError errors(paths);
  BuiltInDatabase built_in;
  pb::compiler::SourceTreeDescriptorDatabase database(&paths, &built_in);
  database.RecordErrorsTo(&errors);
  pb::DescriptorPool pool(&database, database.GetValidationErrorCollector());
  std::vector<const pb::FileDescriptor*> files;
  for (const std::string& name : what.files) {
    const pb::FileDescriptor* const file = pool.FindFileByName(name);
    if (file == nullptr) return base::fail(base::ErrorKind::invalid_argument, errors.text());
    files.push_back(file);
  }
  return build(files);
}

base::Expected<SchemaPtr> schema_from_files(const std::vector<std::string>& files) {
  pb::SimpleDescriptorDatabase given;
  std::vector<std::string> names;
  for (const std::string& bytes : files) {
    pb::FileDescriptorProto file;
    if (!file.ParseFromString(bytes)) return base::fail(base::ErrorKind::invalid_argument, "proto: cannot parse invalid wire-format data");
    if (std::find(names.begin(), names.end(), file.name()) != names.end()) continue;
    names.push_back(file.name());
    given.Add(file);
  }
  BuiltInDatabase built_in;
  pb::MergedDescriptorDatabase database(&given, &built_in);
  PoolErrors errors;
  pb::DescriptorPool pool(&database, &errors);
  std::vector<const pb::FileDescriptor*> found;
  for (const std::string& name : names) {
    const pb::FileDescriptor* const file = pool.FindFileByName(name);
    if (file == nullptr) {
      return base::fail(base::ErrorKind::invalid_argument, errors.text.empty() ? fmt::format("{}: not usable", name) : errors.text);
    }
    found.push_back(file);
  }
  return build(found);
}

base::Expected<SchemaPtr> schema_from_descriptor_set(std::string_view bytes) {
  pb::FileDescriptorSet set;
  if (bytes.size() > ImportPaths::kLargestProto || !set.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return base::fail(base::ErrorKind::invalid_argument, "proto: cannot parse invalid wire-format data");
  }
  std::vector<std::string> files;
  for (const pb::FileDescriptorProto& file : set.file()) files.push_back(file.SerializeAsString());
  return schema_from_files(files);
}

base::Expected<SchemaPtr> SchemaCache::load(const ProtoFiles& what, const ReadFile& read) {
  // Held while compiling: the virtual users that start meanwhile want the same schema and wait for it.
  const std::lock_guard lock(mutex_);
  const auto known = by_files_.find(what);
  if (known != by_files_.end()) return known->second;
  return by_files_.emplace(what, compile_schema(what, read)).first->second;
}

base::Expected<SchemaPtr> SchemaCache::load_protoset(const std::string& path, const ReadFile& read) {
  return get("protoset " + path, [&]() -> base::Expected<SchemaPtr> {
    auto bytes = read(path);
    if (!bytes) return tl::unexpected(std::move(bytes.error()).in("couldn't open protoset"));
    auto schema = schema_from_descriptor_set(*bytes);
    if (!schema) {
      return tl::unexpected(std::move(schema.error())
                                .in(fmt::format("couldn't unmarshal protoset file {}", std::filesystem::path(path).filename().string())));
    }
    return schema;
  });
}

base::Expected<SchemaPtr> SchemaCache::get(const std::string& key, const std::function<base::Expected<SchemaPtr>()>& make) {
  const std::lock_guard lock(mutex_);
  const auto known = by_key_.find(key);
  if (known != by_key_.end()) return known->second;
  return by_key_.emplace(key, make()).first->second;
}

}  // namespace gauntlet::engine::grpc
