// JavaScript to wire and back, held against protobuf's own JSON converter and, for errors, against what k6 1.8.1 said.
#include <gmock/gmock.h>
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <gtest/gtest.h>
#include <quickjs.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "engine/api/grpc/decoder.hpp"
#include "engine/api/grpc/encoder.hpp"
#include "engine/script/value.hpp"
#include "engine/wire/grpc/schema.hpp"

namespace gauntlet::engine::grpc {
namespace {

namespace pb = google::protobuf;
using nlohmann::json;

constexpr const char* kProto = R"(
syntax = "proto3";
package hello;
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/any.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/empty.proto";
message Req { string name = 1; int64 big = 2; repeated int32 nums = 3; bytes blob = 4; Kind kind = 5; map<string,string> m = 6;
  oneof c { string a = 7; int32 b = 8; } double d = 9; bool t = 10; float f = 11; Req inner = 12; uint32 u = 13;
  map<int32,Kind> mk = 14; google.protobuf.Timestamp ts = 15; google.protobuf.Duration du = 16; google.protobuf.Struct st = 17;
  google.protobuf.Value va = 18; google.protobuf.FieldMask fm = 19; google.protobuf.Any an = 20; google.protobuf.Int64Value wi = 21;
  optional string os = 22; repeated Req reqs = 23; google.protobuf.NullValue nv = 24; google.protobuf.ListValue lv = 25;
  map<bool,string> mb = 26; map<int64,int32> ml = 27; }
enum Kind { UNKNOWN = 0; GOOD = 1; }
message All {
  double d = 1; float f = 2; int32 i32 = 3; int64 i64 = 4; uint32 u32 = 5; uint64 u64 = 6; sint32 s32 = 7; sint64 s64 = 8;
  fixed32 f32 = 9; fixed64 f64 = 10; sfixed32 sf32 = 11; sfixed64 sf64 = 12; bool yes = 13; string text = 14; bytes raw = 15;
  Kind kind = 16; All inner = 17;
  repeated double rd = 21; repeated float rf = 22; repeated int32 ri32 = 23; repeated int64 ri64 = 24; repeated uint64 ru64 = 26;
  repeated sint64 rs64 = 28; repeated fixed32 rf32 = 29; repeated sfixed64 rsf64 = 30; repeated bool ryes = 33;
  repeated string rtext = 34; repeated bytes rraw = 35; repeated Kind rkind = 36; repeated All rinner = 37; repeated int32 loose = 38 [packed = false];
  map<string, All> by_text = 41; map<int64, string> by_i64 = 42; map<bool, Kind> by_bool = 43; map<uint32, double> by_u32 = 44;
  oneof choice { string left = 51; All middle = 52; uint64 right = 53; }
  optional int64 maybe_i64 = 61; optional string maybe_text = 62; optional Kind maybe_kind = 63;
  google.protobuf.Timestamp at = 71; google.protobuf.Duration span = 72; google.protobuf.StringValue word = 73; google.protobuf.DoubleValue real = 74;
  google.protobuf.Empty nothing = 75; google.protobuf.UInt64Value count = 76; google.protobuf.BytesValue lump = 77; google.protobuf.BoolValue flag = 78;
  int32 snake_case_name = 1000; string with_json_name = 1001 [json_name = "other"];
}
service Greeter { rpc Say(Req) returns (Req); rpc Echo(All) returns (All); }
)";

constexpr const char* kOldProto = R"(
syntax = "proto2";
package old;
message Old { required int32 must = 1; optional string may = 2 [default = "dflt"]; repeated int32 loose = 3;
  optional group Part = 4 { optional int32 x = 1; } optional Old inner = 5; optional Colour colour = 6 [default = RED]; }
enum Colour { BLUE = 5; RED = 7; }
service Olden { rpc Say(Old) returns (Old); }
)";

/// A message's bytes in one order, so that equal messages (NaN included) have equal bytes.
std::string canonical(const pb::Message& message) {
  std::string bytes;
  pb::io::StringOutputStream stream(&bytes);
  pb::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

/// The two sides of each comparison.
class Conversion : public testing::Test {
 protected:
  Conversion() : runtime(JS_NewRuntime()), context(JS_NewContext(runtime)), names(std::make_unique<TypeNames>(context)) {
    pb::SetLogHandler(nullptr);  // it tells of every bad message
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "new.proto") << kProto;
    std::ofstream(folder / "old.proto") << kOldProto;
    const auto compiled = compile_schema({folder.string(), {}, {"new.proto", "old.proto"}});
    EXPECT_TRUE(compiled) << (compiled ? "" : compiled.error().message);
    schema = *compiled;
    tree.MapPath("", folder.string());
    tree.MapPath("", "/usr/include");
    importer.Import("new.proto");
    importer.Import("old.proto");
    resolver.reset(pb::util::NewTypeResolverForDescriptorPool("type.googleapis.com", importer.pool()));
  }
  ~Conversion() override {
    std::filesystem::remove_all(folder);
    names.reset();
    JS_FreeContext(context);
    JS_FreeRuntime(runtime);
  }

  script::Value evaluate(const std::string& source) {
    script::Value value(context, JS_Eval(context, source.data(), source.size(), "<test>", JS_EVAL_TYPE_GLOBAL));
    EXPECT_FALSE(value.is_exception()) << source << ": " << take_exception();
    return value;
  }
  std::string take_exception() {
    const script::Value thrown(context, JS_GetException(context));
    return script::Text(thrown).str();
  }

  const MessageType& type(const std::string& name) { return *schema->find_message(name); }
  std::unique_ptr<pb::Message> oracle(const std::string& name) {
    return std::unique_ptr<pb::Message>(factory.GetPrototype(importer.pool()->FindMessageTypeByName(name))->New());
  }

  /// The wire form of a script expression, or the error's text.
  std::string encode(const std::string& name, const script::Value& value) {
    Encoder encoder(*names, *schema);
    std::string out;
    if (encoder.encode(type(name), value.get(), out)) return out;
    return encoder.problem().empty() ? "thrown: " + take_exception() : encoder.problem();
  }
  std::string encode(const std::string& name, const std::string& expression) { return encode(name, evaluate("(" + expression + ")")); }

  /// JSON.stringify of the decoded object, or the exception's text.
  std::string decode(const std::string& name, std::string_view bytes) {
    script::Value value(context, Decoder(*names, *schema).decode(type(name), bytes));
    if (value.is_exception()) return take_exception();
    return script::to_json(context, value.get()).value_or("no JSON");
  }

  /// What protobuf itself makes of the JSON of a script expression.
  std::unique_ptr<pb::Message> from_json(const std::string& name, const std::string& text) {
    auto message = oracle(name);
    const auto status = pb::util::JsonStringToMessage(text, message.get());
    EXPECT_TRUE(status.ok()) << text << ": " << status.ToString();
    return message;
  }

  std::filesystem::path folder = std::filesystem::temp_directory_path() / ("conversion_test_" + std::to_string(getpid()));
  JSRuntime* runtime;
  JSContext* context;
  std::unique_ptr<TypeNames> names;
  SchemaPtr schema;
  pb::compiler::DiskSourceTree tree;
  pb::compiler::Importer importer{&tree, nullptr};
  pb::DynamicMessageFactory factory;
  std::unique_ptr<pb::util::TypeResolver> resolver;
};

TEST_F(Conversion, writes_what_protobuf_makes_of_the_same_json) {
  for (const char* const expression : {"{}",
                                       "{name:'x'}",
                                       "{big:'9007199254740993'}",
                                       "{big:9007199254740992}",
                                       "{big:-5}",
                                       "{big:1e3}",
                                       "{nums:[1,-2,3]}",
                                       "{nums:[]}",
                                       "{nums:['5']}",
                                       "{nums:null}",
                                       "{blob:'AQID'}",
                                       "{blob:'-_8'}",
                                       "{blob:''}",
                                       "{kind:'GOOD'}",
                                       "{kind:1}",
                                       "{kind:0}",
                                       "{m:{a:'1',b:''}}",
                                       "{m:{}}",
                                       "{a:''}",
                                       "{b:0}",
                                       "{a:null,b:1}",
                                       "{d:1.5}",
                                       "{d:-0}",
                                       "{d:'NaN'}",
                                       "{d:'-Infinity'}",
                                       "{d:'1.5e3'}",
                                       "{t:true}",
                                       "{f:0.1}",
                                       "{f:1e-45}",
                                       "{f:3.4028234663852886e38}",
                                       "{inner:{}}",
                                       "{inner:{inner:{name:'deep'}}}",
                                       "{inner:null}",
                                       "{u:4294967295}",
                                       "{mk:{1:'GOOD',2:1}}",
                                       "{ts:'2024-01-02T03:04:05.123Z'}",
                                       "{ts:'2024-01-02T03:04:05+02:30'}",
                                       "{ts:'0001-01-01T00:00:00Z'}",
                                       "{ts:'9999-12-31T23:59:59.999999999Z'}",
                                       "{du:'-1.5s'}",
                                       "{du:'315576000000s'}",
                                       "{du:'0.000000001s'}",
                                       "{st:{a:[1,'x',null,{b:true}]}}",
                                       "{st:{}}",
                                       "{va:null}",
                                       "{va:1}",
                                       "{va:[[]]}",
                                       "{va:'s'}",
                                       "{va:{}}",
                                       "{fm:'a.bC,d'}",
                                       "{fm:''}",
                                       "{an:{'@type':'type.googleapis.com/hello.Req',name:'x'}}",
                                       "{an:{'@type':'type.googleapis.com/google.protobuf.Duration',value:'1s'}}",
                                       "{wi:'5'}",
                                       "{wi:0}",
                                       "{wi:null}",
                                       "{os:''}",
                                       "{os:null}",
                                       "{reqs:[{},{name:'x'}]}",
                                       "{nv:null}",
                                       "{nv:'NULL_VALUE'}",
                                       "{lv:[1,'2',[3]]}",
                                       "{mb:{true:'x',false:'y'}}",
                                       "{ml:{'5':1,'-9223372036854775808':2}}"}) {
    SCOPED_TRACE(expression);
    const script::Value value = evaluate("(" + std::string(expression) + ")");
    const auto expected = from_json("hello.Req", script::to_json(context, value.get()).value());
    const std::string wire = encode("hello.Req", value);
    auto got = oracle("hello.Req");
    ASSERT_TRUE(got->ParseFromString(wire)) << wire;
    EXPECT_EQ(got->DebugString(), expected->DebugString());
    EXPECT_LE(wire.size(), expected->ByteSizeLong()) << "not in its shortest form";
  }
}

TEST_F(Conversion, takes_values_as_json_stringify_does) {
  const auto same = [&](const char* a, const char* b) { EXPECT_EQ(encode("hello.Req", a), encode("hello.Req", b)) << a; };
  same("{name:undefined, big:()=>1, t:Symbol('x')}", "{}");
  same("{ts:new Date(1700000000123)}", "{ts:'2023-11-14T22:13:20.123Z'}");
  same("{name:{toJSON(){return 'j'}}}", "{name:'j'}");
  same("{toJSON(){return {name:'j'}}}", "{name:'j'}");
  same("{name:new String('boxed'), big:new Number(4), t:new Boolean(true)}", "{name:'boxed',big:4,t:true}");
  same("new Proxy({name:'p'},{})", "{name:'p'}");
  same("{inner:new (class A { constructor(){this.name='c'} get big(){return 9} })}", "{inner:{name:'c'}}");
  same("Object.create({name:'inherited'})", "{}");
  same("{d:NaN}", "{d:'NaN'}");
  same("{d:-Infinity,f:Infinity}", "{d:'-Infinity',f:'Infinity'}");
  same("{va:NaN}", "{va:'NaN'}");
  same("{d:-0}", "{}");
  same("{big:'1.0',u:'2e1'}", "{big:1,u:20}");
  // Past JSON: bytes and big integers as what they are.
  same("{blob:new Uint8Array([1,2,3]).buffer}", "{blob:'AQID'}");
  same("{blob:new Uint8Array([0,1,2,3]).subarray(1)}", "{blob:'AQID'}");
  same("{big:-9223372036854775808n}", "{big:'-9223372036854775808'}");
  same("{st:{a:undefined,b:1}}", "{st:{b:1}}");
}

TEST_F(Conversion, says_what_k6_says_about_wrong_values) {
  const std::pair<const char*, const char*> cases[] = {
      {"{zzz:1}", "proto: (line 1:2): unknown field \"zzz\""},
      {"{name:1}", "proto: (line 1:9): invalid value for string field name: 1"},
      {"{big:'x'}", "proto: (line 1:8): invalid value for int64 field big: \"x\""},
      {"{big:1.5}", "proto: (line 1:8): invalid value for int64 field big: 1.5"},
      {"{big:9e30}", "proto: (line 1:8): invalid value for int64 field big: 9e+30"},
      {"{nums:1}", "proto: syntax error (line 1:9): unexpected token 1"},
      {"{nums:['x']}", "proto: (line 1:10): invalid value for int32 field nums: \"x\""},
      {"{nums:[null]}", "proto: (line 1:10): invalid value for int32 field nums: null"},
      {"{nums:[1,2147483648]}", "proto: (line 1:12): invalid value for int32 field nums: 2147483648"},
      {"{blob:'!!'}", "proto: (line 1:9): invalid value for bytes field blob: \"!!\""},
      {"{blob:5}", "proto: (line 1:9): invalid value for bytes field blob: 5"},
      {"{kind:'NOPE'}", "proto: (line 1:9): invalid value for enum field kind: \"NOPE\""},
      {"{kind:1.5}", "proto: (line 1:9): invalid value for enum field kind: 1.5"},
      {"{kind:'1'}", "proto: (line 1:9): invalid value for enum field kind: \"1\""},
      {"{m:[]}", "proto: syntax error (line 1:6): unexpected token ["},
      {"{m:{a:1}}", "proto: (line 1:11): invalid value for string field value: 1"},
      {"{m:{a:null}}", "proto: (line 1:11): invalid value for string field value: null"},
      {"{a:'x',b:1}", "proto: (line 1:10): error parsing \"b\", oneof hello.Req.c is already set"},
      {"{d:'x'}", "proto: (line 1:6): invalid value for double field d: \"x\""},
      {"{d:'1e400'}", "proto: (line 1:6): invalid value for double field d: \"1e400\""},
      {"{t:1}", "proto: (line 1:6): invalid value for bool field t: 1"},
      {"{t:'true'}", "proto: (line 1:6): invalid value for bool field t: \"true\""},
      {"{f:1e300}", "proto: (line 1:6): invalid value for float field f: 1e+300"},
      {"{inner:1}", "proto: syntax error (line 1:10): unexpected token 1"},
      {"{inner:[]}", "proto: syntax error (line 1:10): unexpected token ["},
      {"{inner:{inner:{q:1}}}", "proto: (line 1:20): unknown field \"q\""},
      {"{reqs:[{},{zz:1}]}", "proto: (line 1:14): unknown field \"zz\""},
      {"{reqs:{}}", "proto: syntax error (line 1:9): unexpected token {"},
      {"{u:-1}", "proto: (line 1:6): invalid value for uint32 field u: -1"},
      {"{u:4294967296}", "proto: (line 1:6): invalid value for uint32 field u: 4294967296"},
      {"{mk:{x:1}}", "proto: (line 1:8): invalid value for int32 key: \"x\""},
      {"{ts:'x'}", "proto: (line 1:7): invalid google.protobuf.Timestamp value \"x\""},
      {"{ts:1}", "proto: syntax error (line 1:7): unexpected token 1"},
      {"{du:'1.5'}", "proto: (line 1:7): invalid google.protobuf.Duration value \"1.5\""},
      {"{st:1}", "proto: syntax error (line 1:7): unexpected token 1"},
      {"{fm:'a_b'}", "proto: (line 1:7): google.protobuf.FieldMask.paths contains invalid path: \"a_b\""},
      {"{an:{'@type':'zz'}}", "proto: (line 1:16): unable to resolve \"zz\": \"not found\""},
      {"{wi:{}}", "proto: (line 1:7): invalid value for int64 field value: {"},
      {"{lv:{}}", "proto: syntax error (line 1:7): unexpected token {"},
      {"{mb:{x:'x'}}", "proto: (line 1:8): invalid value for bool key: \"x\""},
      {"{ml:{x:1}}", "proto: (line 1:8): invalid value for int64 key: \"x\""},
      {"{name:'x',inner:{name:'y',in_ner:1}}", "proto: (line 1:33): unknown field \"in_ner\""},
      {"{big:'9223372036854775808'}", "proto: (line 1:8): invalid value for int64 field big: \"9223372036854775808\""},
      {"{big:' 5'}", "proto: (line 1:8): invalid value for int64 field big: \" 5\""},
      {"{big:''}", "proto: (line 1:8): invalid value for int64 field big: \"\""},
      {"{name:'a','name ':1}", "proto: (line 1:13): unknown field \"name \""},
      {"5", "proto: syntax error (line 1:1): unexpected token 5"},
      {"'{}'", "proto: syntax error (line 1:1): unexpected token \"{}\""},
      {"[]", "proto: syntax error (line 1:1): unexpected token ["},
  };
  for (const auto& [expression, problem] : cases) EXPECT_EQ(encode("hello.Req", std::string(expression)), problem) << expression;
  EXPECT_EQ(encode("hello.All", "{snakeCaseName:1,snake_case_name:2}"), "proto: (line 1:20): duplicate field \"snake_case_name\"");
  EXPECT_EQ(encode("hello.Req", "{name:'\\ud800'}"), encode("hello.Req", "{name:'\\ufffd'}"));
  EXPECT_EQ(encode("old.Old", "{}"), "proto: required field old.Old.must not set");
}

TEST_F(Conversion, passes_on_what_getters_throw_and_bounds_its_depth) {
  EXPECT_EQ(encode("hello.Req", "{get name(){throw new Error('mine')}}"), "thrown: Error: mine");
  EXPECT_EQ(encode("hello.Req", "{toJSON(){throw new Error('mine')}}"), "thrown: Error: mine");
  EXPECT_THAT(encode("hello.Req", "(()=>{const a={}; a.inner=a; return a})()"), testing::HasSubstr("exceeded maximum recursion depth"));
  std::string deep;
  for (int i = 0; i < 5000; ++i) {  // each a message inside the next: "inner", field 12
    std::string length;
    write_varint(deep.size(), length);
    deep = "\x62" + length + deep;
  }
  EXPECT_EQ(check_wire(type("hello.Req"), deep), "proto: exceeded maximum recursion depth");
  EXPECT_EQ(decode("hello.Req", deep), "GoError: proto: exceeded maximum recursion depth");
  const std::string groups(100'000, '\x0b');  // start of group 1, over and over
  EXPECT_TRUE(check_wire(type("hello.Req"), groups).has_value());
}

TEST_F(Conversion, shows_an_empty_message_with_its_defaults_in_order) {
  EXPECT_EQ(
      decode("hello.Req", ""),
      R"({"name":"","big":"0","nums":[],"blob":"","kind":"UNKNOWN","m":{},"d":0,"t":false,"f":0,"inner":null,"u":0,"mk":{},"ts":null,)"
      R"("du":null,"st":null,"va":null,"fm":null,"an":null,"wi":null,"reqs":[],"nv":null,"lv":null,"mb":{},"ml":{}})");
  EXPECT_EQ(decode("old.Old", "\x08\x01"), R"({"must":1,"may":null,"loose":[],"part":null,"inner":null,"colour":null})");
}

TEST_F(Conversion, reads_what_the_wire_allows) {
  const auto field = [&](const std::string& text, const char* name) { return json::parse(decode("hello.Req", text)).at(name).dump(); };
  using namespace std::string_literals;
  EXPECT_EQ(field("\x18\x01\x18\x02\x1a\x02\x03\x04"s, "nums"), "[1,2,3,4]") << "loose and packed, mixed";
  EXPECT_EQ(field("\x1a\x00"s, "nums"), "[]");
  EXPECT_EQ(field("\x0a\x01"
                  "a"
                  "\x0a\x01"
                  "b"s,
                  "name"),
            "\"b\"")
      << "the last wins";
  EXPECT_EQ(json::parse(decode("hello.Req",
                               "\x3a\x01"
                               "x"
                               "\x40\x05"s))
                .contains("a"),
            false)
      << "the last of a oneof wins";
  EXPECT_EQ(json::parse(field("\x62\x03\x0a\x01"
                              "a"
                              "\x62\x02\x10\x07"s,
                              "inner"))["name"],
            "a")
      << "parts are merged";
  EXPECT_EQ(json::parse(field("\x62\x03\x0a\x01"
                              "a"
                              "\x62\x02\x10\x07"s,
                              "inner"))["big"],
            "7");
  EXPECT_EQ(field("\x28\x63"s, "kind"), "99") << "an unknown enum value";
  EXPECT_EQ(field("\x32\x00\x32\x06\x0a\x01"
                  "k"
                  "\x12\x01"
                  "v"s,
                  "m"),
            R"({"":"","k":"v"})")
      << "absent key and value";
  EXPECT_EQ(field("\x49\x00\x00\x00\x00\x00\x00\xf8\x7f"s, "d"), "\"NaN\"");
  EXPECT_EQ(field("\x5d\xcd\xcc\xcc\x3d"s, "f"), "0.1") << "the shortest text of a float";
  EXPECT_EQ(field("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s, "big"), "\"-1\"");
  EXPECT_EQ(field("\xca\x3e\x01z\x0a\x01q"s, "name"), "\"q\"") << "an unknown field";
  EXPECT_EQ(field("\x0d\x01\x02\x03\x04\x12\x01z\x10\x02"s, "big"), "\"2\"") << "wrong wire types count as unknown";
}

TEST_F(Conversion, refuses_what_the_wire_forbids) {
  using namespace std::string_literals;
  constexpr const char* kMalformed = "proto: cannot parse invalid wire-format data";
  for (const std::string& bytes :
       {"\x0a"s, "\x0a\x05he"s, "\x08"s, "\x00"s, "\x07"s, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s, "\x49\x00\x00"s,
        "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"s, "\x0c"s, "\x0b"s, "\x0b\x14"s, "\x1a\x01\xff"s, "\x62\x02\x0a\x05"s}) {
    EXPECT_EQ(check_wire(type("hello.Req"), bytes), kMalformed) << testing::PrintToString(bytes);
    EXPECT_EQ(decode("hello.Req", bytes), std::string("GoError: ") + kMalformed) << testing::PrintToString(bytes);
  }
  EXPECT_EQ(check_wire(type("hello.Req"), "\x0a\x02\xff\xfe"), "proto: field hello.Req.name contains invalid UTF-8");
  EXPECT_EQ(check_wire(type("hello.Req"), "\x0a\x03\xed\xa0\x80"), "proto: field hello.Req.name contains invalid UTF-8");
  EXPECT_EQ(check_wire(type("hello.Req"), "\x0a\x02\xc3\xa9"), std::nullopt);
  EXPECT_EQ(check_wire(type("old.Old"), ""), "proto: required field old.Old.must not set");
}

/// Fills a message at random, every feature of its type included.
class Filler {
 public:
  explicit Filler(std::uint32_t seed) : random_(seed) {}

  void fill(pb::Message& message, int depth) {
    const pb::Descriptor& type = *message.GetDescriptor();
    if (type.full_name() == "google.protobuf.Timestamp") return set_time(message, -62'135'596'800, 253'402'300'799, false);
    if (type.full_name() == "google.protobuf.Duration") return set_time(message, -315'576'000'000, 315'576'000'000, true);
    for (int i = 0; i < type.field_count(); ++i) {
      const pb::FieldDescriptor& field = *type.field(i);
      if (!chance(field.is_repeated() ? 0.3 : 0.5)) continue;
      if (field.is_map()) {
        set(message, field, depth, true);  // one entry: a second one might have the same key
      } else if (field.is_repeated()) {
        for (int n = uniform(1, 3); n > 0; --n) set(message, field, depth, true);
      } else {
        set(message, field, depth, false);
      }
    }
  }

  bool chance(double share) { return std::uniform_real_distribution(0.0, 1.0)(random_) < share; }
  template <class T>
  T uniform(T low, T high) {
    return std::uniform_int_distribution<T>(low, high)(random_);
  }
  std::uint32_t bits() { return random_(); }

 private:
  void set_time(pb::Message& message, std::int64_t low, std::int64_t high, bool signed_nanos) {
    const std::int64_t seconds = uniform(low + 1, high - 1);
    const std::int32_t magnitude = chance(0.5) ? uniform(0, 999) * 1'000'000 : uniform(0, 999'999'999);
    const std::int32_t nanos = signed_nanos && seconds < 0 ? -magnitude : magnitude;
    const auto& reflection = *message.GetReflection();
    reflection.SetInt64(&message, message.GetDescriptor()->FindFieldByName("seconds"), seconds);
    reflection.SetInt32(&message, message.GetDescriptor()->FindFieldByName("nanos"), nanos);
  }

  std::int64_t whole() { return chance(0.3) ? 0 : static_cast<std::int64_t>(std::uint64_t{random_()} << 32 | random_()) >> uniform(0, 63); }
  double real() {
    switch (uniform(0, 5)) {
      case 0: return 0;
      case 1: return std::numeric_limits<double>::infinity();
      case 2: return static_cast<double>(whole());
      case 3: return std::ldexp(static_cast<double>(uniform(-1000, 1000)), uniform(-300, 300));
      default: return static_cast<double>(uniform(-100000, 100000)) / 100;
    }
  }
  std::string text() {
    constexpr const char* kPieces[] = {"",   "a",  "\xc3\xa9", "\xe2\x9c\x93", "\xf0\x9f\x98\x80", "\"",
                                       "\\", "\n", "\x01",     "plain text",   "</script>"};
    std::string made;
    for (int n = uniform(0, 4); n > 0; --n) made += kPieces[static_cast<std::size_t>(uniform(0, 10))];
    return made;
  }
  std::string bytes() {
    std::string made(static_cast<std::size_t>(uniform(0, 20)), '\0');
    for (char& c : made) c = static_cast<char>(bits());
    return made;
  }

  void set(pb::Message& message, const pb::FieldDescriptor& field, int depth, bool add) {
    const auto& reflection = *message.GetReflection();
#define PUT(Type, value) add ? reflection.Add##Type(&message, &field, value) : reflection.Set##Type(&message, &field, value)
    switch (field.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_INT32: PUT(Int32, static_cast<std::int32_t>(whole())); break;
      case pb::FieldDescriptor::CPPTYPE_INT64: PUT(Int64, whole()); break;
      case pb::FieldDescriptor::CPPTYPE_UINT32: PUT(UInt32, static_cast<std::uint32_t>(whole())); break;
      case pb::FieldDescriptor::CPPTYPE_UINT64: PUT(UInt64, static_cast<std::uint64_t>(whole())); break;
      case pb::FieldDescriptor::CPPTYPE_DOUBLE: PUT(Double, real()); break;
      case pb::FieldDescriptor::CPPTYPE_FLOAT: PUT(Float, static_cast<float>(static_cast<double>(uniform(-100000, 100000)) / 1000)); break;
      case pb::FieldDescriptor::CPPTYPE_BOOL: PUT(Bool, chance(0.5)); break;
      case pb::FieldDescriptor::CPPTYPE_ENUM: PUT(EnumValue, chance(0.1) ? uniform(-5, 100) : uniform(0, 1)); break;
      case pb::FieldDescriptor::CPPTYPE_STRING: PUT(String, field.type() == pb::FieldDescriptor::TYPE_BYTES ? bytes() : text()); break;
      case pb::FieldDescriptor::CPPTYPE_MESSAGE:
        if (depth <= 0) break;
        fill(add ? *reflection.AddMessage(&message, &field) : *reflection.MutableMessage(&message, &field), depth - 1);
        break;
    }
#undef PUT
  }

  std::mt19937 random_;
};

/// Floats as they are, however many digits they were printed with.
json narrowed(const json& value) {
  if (value.is_array()) {
    json list = json::array();
    for (const json& each : value) list.push_back(narrowed(each));
    return list;
  }
  return value.is_number() ? json(value.get<float>()) : value;
}

/// Removes members that are null: the oracle leaves unset messages out, and prints floats with nine digits.
json without_nulls(const json& value) {
  if (value.is_array()) {
    json list = json::array();
    for (const json& each : value) list.push_back(without_nulls(each));
    return list;
  }
  if (value.is_number()) return value.get<double>();  // 64-bit numbers are strings
  if (!value.is_object()) return value;
  json object = json::object();
  for (const auto& [key, each] : value.items()) {
    if (!each.is_null()) object[key] = key == "f" || key == "rf" ? narrowed(each) : without_nulls(each);
  }
  return object;
}

TEST_F(Conversion, agrees_with_protobuf_on_random_messages_both_ways) {
  pb::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  for (std::uint32_t seed = 1; seed <= 1500; ++seed) {
    SCOPED_TRACE(seed);
    Filler filler(seed);
    auto message = oracle("hello.All");
    filler.fill(*message, 3);
    const std::string wire = message->SerializeAsString();
    std::string expected;
    ASSERT_TRUE(pb::util::MessageToJsonString(*message, &expected, options).ok());

    ASSERT_EQ(check_wire(type("hello.All"), wire), std::nullopt);
    const std::string got = decode("hello.All", wire);
    ASSERT_EQ(without_nulls(json::parse(got)), without_nulls(json::parse(expected)));

    for (const std::string& source : {expected, got}) {
      const script::Value value = script::from_json(context, source);
      const std::string encoded = encode("hello.All", value);
      auto back = oracle("hello.All");
      ASSERT_TRUE(back->ParseFromString(encoded)) << encoded;
      ASSERT_TRUE(canonical(*back) == canonical(*message)) << source;
    }
  }
}

TEST_F(Conversion, survives_garbage_and_takes_what_protobuf_takes) {
  int accepted = 0, refused = 0, disagreements = 0;
  for (std::uint32_t seed = 1; seed <= 20'000; ++seed) {
    SCOPED_TRACE(seed);
    Filler filler(seed);
    auto message = oracle("hello.All");
    filler.fill(*message, 1);
    std::string wire = message->SerializeAsString();
    for (int n = filler.uniform(1, 4); n > 0 && !wire.empty(); --n) {
      const auto at = filler.uniform<std::size_t>(0, wire.size() - 1);
      switch (filler.uniform(0, 3)) {
        case 0: wire[at] = static_cast<char>(filler.bits()); break;
        case 1: wire.resize(at); break;
        case 2: wire.insert(at, 1, static_cast<char>(filler.bits())); break;
        default: wire.erase(at, 1); break;
      }
    }
    auto parsed = oracle("hello.All");
    const bool oracle_takes_it = parsed->ParseFromString(wire);
    const auto problem = check_wire(type("hello.All"), wire);
    const std::string shown = decode("hello.All", wire);
    if (!problem) {
      ++accepted;
    } else {
      ++refused;
    }
    disagreements += oracle_takes_it == !problem.has_value() ? 0 : 1;
    if (oracle_takes_it && !problem && shown.find("out of range") == std::string::npos && seed % 10 == 0) {
      std::string expected;
      pb::util::JsonPrintOptions options;
      options.always_print_primitive_fields = true;
      if (!pb::util::MessageToJsonString(*parsed, &expected, options).ok()) continue;
      EXPECT_EQ(without_nulls(json::parse(shown)), without_nulls(json::parse(expected)));
    }
  }
  EXPECT_GT(accepted, 1000);
  EXPECT_GT(refused, 1000);
  // Protobuf for C++ takes varints of more than 64 bits, which protobuf for Go and we refuse.
  EXPECT_LT(disagreements, 200);
}

TEST_F(Conversion, survives_bytes_without_any_sense) {
  Filler filler(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(static_cast<std::size_t>(filler.uniform(0, 40)), '\0');
    for (char& c : bytes) c = static_cast<char>(filler.bits() & (round % 2 == 0 ? 0xff : 0x3f));
    for (const char* const name :
         {"hello.All", "hello.Req", "old.Old", "google.protobuf.Value", "google.protobuf.Any", "google.protobuf.FieldMask"}) {
      const bool is_right = !check_wire(type(name), bytes).has_value();
      const std::string shown = decode(name, bytes);
      if (!is_right && !shown.starts_with("GoError: ")) {
        // Only what decoding does not look at may have been wrong: UTF-8, required fields.
        EXPECT_THAT(*check_wire(type(name), bytes),
                    testing::AnyOf(testing::HasSubstr("UTF-8"), testing::HasSubstr("required"), testing::HasSubstr("wire-format")));
      }
    }
  }
}

TEST_F(Conversion, shows_google_s_types_in_their_own_forms) {
  for (const auto& [expression, shown] : std::initializer_list<std::pair<const char*, const char*>>{
           {"{ts:'2024-01-02T03:04:05.1Z'}", R"({"ts":"2024-01-02T03:04:05.100Z"})"},
           {"{ts:'1969-12-31T23:59:59.999999999Z'}", R"({"ts":"1969-12-31T23:59:59.999999999Z"})"},
           {"{du:'-0.000001s'}", R"({"du":"-0.000001s"})"},
           {"{st:{a:[1,'x',null,{b:true}]}}", R"({"st":{"a":[1,"x",null,{"b":true}]}})"},
           {"{va:[{}]}", R"({"va":[{}]})"},
           {"{fm:'a.bC,d'}", R"({"fm":"a.bC,d"})"},
           {"{wi:'-5'}", R"({"wi":"-5"})"},
           {"{wi:0}", R"({"wi":"0"})"},
           {"{lv:[]}", R"({"lv":[]})"},
           {"{an:{'@type':'x/google.protobuf.Duration',value:'1s'}}", R"({"an":{"@type":"x/google.protobuf.Duration","value":"1s"}})"},
           {"{an:{}}", R"({"an":{}})"},
           {"{an:{'@type':'x/google.protobuf.Empty'}}", R"({"an":{"@type":"x/google.protobuf.Empty","value":{}}})"},
       }) {
    const json all = json::parse(decode("hello.Req", encode("hello.Req", std::string(expression))));
    const json wanted = json::parse(shown);
    EXPECT_EQ(all.at(wanted.begin().key()), wanted.begin().value()) << expression;
  }
  const std::string any = encode("hello.Req", "{an:{'@type':'type.googleapis.com/hello.Req',name:'x'}}");
  EXPECT_EQ(json::parse(decode("hello.Req", any))["an"]["name"], "x");
  EXPECT_EQ(json::parse(decode("hello.Req", any))["an"]["@type"], "type.googleapis.com/hello.Req");
}

}  // namespace
}  // namespace gauntlet::engine::grpc
