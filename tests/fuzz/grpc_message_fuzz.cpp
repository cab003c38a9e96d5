// gRPC messages from a server under test: what the check lets pass, the decoder turns into a value; schemas too.
#include <google/protobuf/stubs/logging.h>
#include <quickjs.h>

#include <memory>

#include "engine/api/grpc/decoder.hpp"
#include "engine/api/grpc/type_names.hpp"
#include "engine/script/value.hpp"
#include "engine/wire/grpc/schema.hpp"
#include "fuzz/bytes.hpp"

using namespace gauntlet;
using namespace gauntlet::engine;

namespace {

constexpr const char* kProto = R"(syntax = "proto3"; package p;
import "google/protobuf/struct.proto"; import "google/protobuf/timestamp.proto"; import "google/protobuf/any.proto";
enum E { ZERO = 0; ONE = 1; }
message M { int32 a = 1; string b = 2; repeated double c = 3; map<string, M> d = 4; E e = 5; bytes f = 6; oneof g { M h = 7; sint64 i = 8; }
  google.protobuf.Struct j = 9; google.protobuf.Timestamp k = 10; google.protobuf.Any l = 11; repeated fixed32 m = 12; optional bool n = 13; })";

struct Script {
  Script() : runtime(JS_NewRuntime()), context(JS_NewContext(runtime)), names(std::make_unique<grpc::TypeNames>(context)) {
    google::protobuf::SetLogHandler(nullptr);  // it tells of every bad message
    schema = grpc::compile_schema({"/", {}, {"m.proto"}}, [](const std::string& path) -> base::Expected<std::string> {
               if (path.ends_with("m.proto")) return std::string(kProto);
               return tl::unexpected(base::Error{base::ErrorKind::not_found, path});
             }).value();
  }
  ~Script() {
    names.reset();
    JS_FreeContext(context);
    JS_FreeRuntime(runtime);
  }
  JSRuntime* runtime;
  JSContext* context;
  std::unique_ptr<grpc::TypeNames> names;
  grpc::SchemaPtr schema;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Script script;
  fuzz::Bytes bytes(data, size);
  if (bytes.choice(4) == 0) {
    static_cast<void>(grpc::schema_from_descriptor_set(bytes.rest()));
    return 0;
  }
  const grpc::MessageType& type = *script.schema->find_message("p.M");
  if (grpc::check_wire(type, bytes.rest())) return 0;
  const script::Value value(script.context, grpc::Decoder(*script.names, *script.schema).decode(type, bytes.rest()));
  if (value.is_exception()) {
    const script::Value thrown(script.context, JS_GetException(script.context));
  } else {
    static_cast<void>(script::to_json(script.context, value.get()));
  }
  return 0;
}
