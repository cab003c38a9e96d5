#include "engine/api/crypto/webcrypto.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/uuid.hpp"
#include "engine/api/crypto/operation.hpp"
#include "engine/script/binding.hpp"
#include "engine/script/interrupt.hpp"

namespace gauntlet::engine::api {
namespace {

using crypto::Algorithm;
using crypto::Key;
using crypto::KeyFormat;
using crypto::Usage;
using script::Call;
using script::Self;
using script::Value;

constexpr std::size_t kMaxRandomBytes = 65536;  // the specification's limit
constexpr std::size_t kMaxKeyBits = 1 << 20;

/// What an operation gives: a value, or a failure that rejects its promise.
using Outcome = crypto::Result<Value>;
using crypto::fail;

std::string_view view_of(std::span<const std::uint8_t> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// Arguments of one call, read in order; the first thing that is wrong with them stays in failure().
class Reader {
 public:
  explicit Reader(const Call& call) : call_(call), context_(call.context) {}

  JSContext* context() const { return context_; }
  bool failed() const { return failure_.has_value(); }
  const crypto::Failure& failure() const { return *failure_; }
  void refuse(std::string name, std::string message) {
    if (!failure_) failure_ = crypto::Failure{std::move(name), std::move(message)};
  }

  std::string bytes(int index, const char* what = "data") { return bytes_of(call_.arg(index), what); }

  std::string text(int index) {
    const script::Text text(context_, call_.arg(index));
    if (text.failed()) take_exception();
    return text.str();
  }
  bool flag(int index) { return JS_ToBool(context_, call_.arg(index)) > 0; }

  const Key* key(int index) { return key_of(call_.arg(index)); }
  const Key* key_of(JSValueConst value) {
    const Key* key = script::Class<Key>::of(value);
    if (key == nullptr) refuse("TypeError", "the argument is no CryptoKey");
    return key;
  }

  KeyFormat format(int index) {
    const std::string name = text(index);
    if (name == "raw") return KeyFormat::raw;
    if (name == "spki") return KeyFormat::spki;
    if (name == "pkcs8") return KeyFormat::pkcs8;
    if (name != "jwk") refuse("NotSupportedError", fmt::format("unknown key format \"{}\"", name));
    return KeyFormat::jwk;
  }

  unsigned usages(int index, std::string_view algorithm) {
    unsigned set = 0;
    const Value list = Value::copy(context_, call_.arg(index));
    const std::int64_t length = list.is_array() ? script::list_length(context_, list.get()) : 0;
    for (std::int64_t i = 0; i < length; ++i) {
      const script::Text name(list.element(static_cast<std::uint32_t>(i)));
      static constexpr std::array kNames = {"encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"};
      const auto* const found = std::find(kNames.begin(), kNames.end(), name.view());
      const unsigned usage = found == kNames.end() ? 0 : 1U << static_cast<unsigned>(found - kNames.begin());
      if ((usage & crypto::possible_usages(algorithm)) == 0) refuse("SyntaxError", "invalid key usage");
      set |= usage;
    }
    return set;
  }

  /// The dictionary of argument `index`, or the name alone; "of the operation" makes unknown algorithms an error.
  Algorithm algorithm(int index, const char* operation) { return algorithm_of(call_.arg(index), operation); }

  Algorithm algorithm_of(JSValueConst given, const char* operation) {
    Algorithm algorithm;
    algorithm.name = name_of(given);
    const Value value = Value::copy(context_, given);
    static constexpr std::array kNames = {"AES-CBC", "AES-CTR",  "AES-GCM", "AES-KW", "HMAC",   "RSASSA-PKCS1-v1_5",
                                          "RSA-PSS", "RSA-OAEP", "ECDSA",   "ECDH",   "PBKDF2", "HKDF"};
    const auto* const known =
        std::find_if(kNames.begin(), kNames.end(), [&](std::string_view name) { return upper(name) == algorithm.name; });
    if (known == kNames.end()) {
      refuse_algorithm(algorithm.name, operation);
      return algorithm;
    }
    algorithm.name = *known;
    if (!JS_IsObject(given)) return algorithm;
    algorithm.length_bits = static_cast<int>(number(value, "length"));
    algorithm.modulus_length_bits = static_cast<int>(number(value, "modulusLength"));
    algorithm.salt_length_bytes = static_cast<int>(number(value, "saltLength"));
    algorithm.iterations = static_cast<std::uint32_t>(number(value, "iterations"));
    if (const Value tag = value.property("tagLength"); !tag.is_nullish())
      algorithm.tag_length_bits = static_cast<int>(number(value, "tagLength"));
    algorithm.public_exponent = optional_bytes(value, "publicExponent");
    algorithm.iv = optional_bytes(value, "iv");
    algorithm.counter = optional_bytes(value, "counter");
    algorithm.additional_data = optional_bytes(value, "additionalData");
    algorithm.label = optional_bytes(value, "label");
    algorithm.salt = optional_bytes(value, "salt");
    algorithm.info = optional_bytes(value, "info");
    if (const Value curve = value.property("namedCurve"); !curve.is_nullish()) algorithm.curve = script::Text(curve).str();
    if (const Value hash = value.property("hash"); !hash.is_nullish()) algorithm.hash = hash_of(hash.get(), operation);
    return algorithm;
  }

  /// A digest's name, alone or as {name}.
  std::string hash_of(JSValueConst given, const char* operation) {
    std::string name = name_of(given);
    if (crypto::digest_named(name) == nullptr) refuse_algorithm(name, operation);
    return name;
  }

  void need(bool there, const char* member) {
    if (!there) refuse("SyntaxError", fmt::format("could not get {} from algorithm parameter", member));
  }

  std::optional<std::size_t> length_bits(int index) {
    if (!call_.has(index)) return std::nullopt;
    double bits = 0;
    if (JS_ToFloat64(context_, &bits, call_.arg(index)) < 0) take_exception();
    if (!(bits >= 0) || bits > 16.0 * kMaxKeyBits) refuse("OperationError", "invalid length");
    return static_cast<std::size_t>(bits);
  }

  std::string bytes_of(JSValueConst value, const char* what) {
    const auto bytes = script::bytes_of(context_, value);
    if (!bytes) refuse("OperationError", fmt::format("{} must be an ArrayBuffer, TypedArray, or DataView", what));
    return bytes ? std::string(view_of(*bytes)) : std::string();
  }

  JSValueConst argument(int index) const { return call_.arg(index); }

 private:
  static std::string upper(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
    return out;
  }

  void refuse_algorithm(const std::string& name, const char* operation) {
    refuse("NotSupportedError", fmt::format("algorithm \"{}\" doesn't support (in implementation) operation \"{}\"", name, operation));
  }

  void take_exception() {
    const Value exception(context_, JS_GetException(context_));
    refuse("TypeError", script::Text(exception).str());
    JS_FreeValue(context_, JS_GetException(context_));
  }

  std::string name_of(JSValueConst given) {
    const Value name = JS_IsObject(given) ? Value(context_, JS_GetPropertyStr(context_, given, "name")) : Value::copy(context_, given);
    if (name.is_exception()) take_exception();
    if (!name.is_string()) {
      refuse("SyntaxError", "the algorithm has no name");
      return {};
    }
    return upper(script::Text(name).view());
  }

  double number(const Value& object, const char* name) {
    const Value value = object.property(name);
    double result = 0;
    if (value.is_exception() || (!value.is_nullish() && JS_ToFloat64(context_, &result, value.get()) < 0)) take_exception();
    return result >= 0 && result <= 4294967295.0 ? result : 0;
  }

  std::string optional_bytes(const Value& object, const char* name) {
    const Value value = object.property(name);
    if (value.is_exception()) take_exception();
    return value.is_nullish() || value.is_exception() ? std::string() : bytes_of(value.get(), name);
  }

  const Call& call_;
  JSContext* context_;
  std::optional<crypto::Failure> failure_;
};

Value buffer(JSContext* context, std::string bytes) { return {context, script::adopt_array_buffer(context, std::move(bytes))}; }
Outcome buffer_or(JSContext* context, crypto::Result<std::string> bytes) {
  if (!bytes) return tl::unexpected(bytes.error());
  return buffer(context, std::move(*bytes));
}

/// Runs an operation and returns its promise. The work is done before the call returns: it is short, and a promise
/// that is settled at once keeps the order that scripts see.
template <Outcome (*operation)(Reader&)>
JSValue promise_of(Call call) {
  script::Deferred deferred(call.context);
  Reader reader(call);
  Outcome outcome = operation(reader);
  if (reader.failed()) outcome = tl::unexpected(reader.failure());
  if (JS_HasException(call.context)) {  // a getter's, or the heap is full
    deferred.reject(Value(call.context, JS_GetException(call.context)));
  } else if (outcome) {
    deferred.resolve(std::move(*outcome));
  } else {
    script::throw_named_error(call.context, outcome.error().name.c_str(), outcome.error().message);
    deferred.reject(Value(call.context, JS_GetException(call.context)));
  }
  return deferred.promise();
}

Value new_key(JSContext* context, Key key) { return {context, script::Class<Key>::create(context, std::make_unique<Key>(std::move(key)))}; }

// CryptoKey

JSValue key_type(Self<Key> self) {
  return script::new_string(self.context, self->type == Key::Type::secret        ? "secret"
                                          : self->type == Key::Type::private_key ? "private"
                                                                                 : "public");
}
JSValue key_extractable(Self<Key> self) { return JS_NewBool(self.context, self->is_extractable); }
JSValue key_algorithm(Self<Key> self) {
  const Algorithm& algorithm = self->algorithm;
  Value object(self.context, JS_NewObject(self.context));
  object.set("name", algorithm.name);
  if (!algorithm.hash.empty()) {
    Value hash(self.context, JS_NewObject(self.context));
    hash.set("name", algorithm.hash);
    object.set("hash", std::move(hash));
  }
  if (algorithm.length_bits > 0) object.set("length", Value(self.context, JS_NewInt32(self.context, algorithm.length_bits)));
  if (!algorithm.curve.empty()) object.set("namedCurve", algorithm.curve);
  if (algorithm.modulus_length_bits > 0) {
    object.set("modulusLength", Value(self.context, JS_NewInt32(self.context, algorithm.modulus_length_bits)));
    const auto& exponent = algorithm.public_exponent;
    object.set(
        "publicExponent",
        Value(self.context, JS_NewUint8ArrayCopy(self.context, reinterpret_cast<const std::uint8_t*>(exponent.data()), exponent.size())));
  }
  return object.release();
}
JSValue key_usages(Self<Key> self) {
  const Value list(self.context, JS_NewArray(self.context));
  static constexpr std::array kNames = {"encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"};
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if ((self->usages >> i & 1U) != 0)
      JS_DefinePropertyValueUint32(self.context, list.get(), count++, script::new_string(self.context, kNames[i]), JS_PROP_C_W_E);
  }
  return list.dup();
}

const script::Member kKey[] = {script::getter<&key_type>("type"), script::getter<&key_extractable>("extractable"),
                               script::getter<&key_algorithm>("algorithm"), script::getter<&key_usages>("usages")};

// subtle

Outcome digest(Reader& reader) {
  const std::string hash = reader.hash_of(reader.argument(0), "digest");
  const std::string data = reader.bytes(1);
  if (reader.failed()) return tl::unexpected(reader.failure());
  return buffer_or(reader.context(), crypto::digest(hash, data));
}

/// What every key of an algorithm must say of itself.
void check_key_algorithm(Reader& reader, const Algorithm& algorithm, bool is_new) {
  if (algorithm.name == "HMAC" || algorithm.name.substr(0, 3) == "RSA") reader.need(!algorithm.hash.empty(), "hash");
  if (algorithm.name == "ECDSA" || algorithm.name == "ECDH") reader.need(!algorithm.curve.empty(), "namedCurve");
  if (!is_new) return;
  if (algorithm.name.substr(0, 4) == "AES-") reader.need(algorithm.length_bits > 0, "length");
  if (algorithm.name.substr(0, 3) == "RSA") {
    reader.need(algorithm.modulus_length_bits > 0, "modulusLength");
    reader.need(!algorithm.public_exponent.empty(), "publicExponent");
  }
  if (static_cast<std::size_t>(algorithm.length_bits) > kMaxKeyBits) reader.refuse("OperationError", "invalid key length");
}

Outcome generate_key(Reader& reader) {
  const Algorithm algorithm = reader.algorithm(0, "generateKey");
  if (algorithm.name == "PBKDF2" || algorithm.name == "HKDF") {
    return fail("NotSupportedError",
                fmt::format("algorithm \"{}\" doesn't support (in implementation) operation \"generateKey\"", algorithm.name));
  }
  check_key_algorithm(reader, algorithm, true);
  const unsigned usages = reader.usages(2, algorithm.name);
  if (reader.failed()) return tl::unexpected(reader.failure());
  if (usages == 0) return fail("SyntaxError", "usages cannot not be empty for a secret or private CryptoKey");
  JSContext* const context = reader.context();
  if (!crypto::makes_pairs(algorithm.name)) {
    auto key = TRY(crypto::generate_secret(algorithm, reader.flag(1), usages));
    return new_key(context, std::move(key));
  }
  auto pair = TRY(crypto::generate_pair(algorithm, reader.flag(1), usages));
  Value object(context, JS_NewObject(context));
  object.set("privateKey", new_key(context, std::move(pair.private_key)));
  object.set("publicKey", new_key(context, std::move(pair.public_key)));
  return object;
}

/// The bytes of a key as a script gives them: a JSON Web Key is an object.
std::string key_data(Reader& reader, KeyFormat format, JSValueConst given) {
  if (format != KeyFormat::jwk) return reader.bytes_of(given, "keyData");
  auto text = script::to_json(reader.context(), given);
  if (!text) reader.refuse("DataError", "the key is no JSON Web Key");
  return text.value_or("");
}

Outcome import_key(Reader& reader) {
  const KeyFormat format = reader.format(0);
  const Algorithm algorithm = reader.algorithm(2, "importKey");
  check_key_algorithm(reader, algorithm, false);
  const unsigned usages = reader.usages(4, algorithm.name);
  const std::string data = key_data(reader, format, reader.argument(1));
  if (reader.failed()) return tl::unexpected(reader.failure());
  auto key = TRY(crypto::import_key(format, data, algorithm, reader.flag(3), usages));
  return new_key(reader.context(), std::move(key));
}

Outcome export_key(Reader& reader) {
  const KeyFormat format = reader.format(0);
  const Key* key = reader.key(1);
  if (reader.failed()) return tl::unexpected(reader.failure());
  auto bytes = TRY(crypto::export_key(format, *key));
  if (format == KeyFormat::jwk) return script::from_json(reader.context(), bytes, "JWK");
  return buffer(reader.context(), std::move(bytes));
}

/// Algorithm and key of an operation, checked against each other.
const Key* matching_key(Reader& reader, const Algorithm& algorithm, int index, Usage usage, const char* operation) {
  const Key* key = reader.key(index);
  if (reader.failed()) return nullptr;
  if (key->algorithm.name != algorithm.name) {
    reader.refuse("InvalidAccessError", fmt::format("the key's algorithm is {}, not {}", key->algorithm.name, algorithm.name));
  }
  if (!key->allows(usage)) reader.refuse("InvalidAccessError", fmt::format("key does not contain the '{}' usage", operation));
  return key;
}

template <Usage usage, crypto::Result<std::string> (*operation)(const Algorithm&, const Key&, std::string_view), const char* name>
Outcome transform(Reader& reader) {
  const Algorithm parameters = reader.algorithm(0, name);
  const Key* key = matching_key(reader, parameters, 1, usage, name);
  const std::string data = reader.bytes(2);
  if (reader.failed()) return tl::unexpected(reader.failure());
  if (parameters.name == "ECDSA") reader.need(!parameters.hash.empty(), "hash");
  if (reader.failed()) return tl::unexpected(reader.failure());
  return buffer_or(reader.context(), operation(parameters, *key, data));
}
constexpr char kEncrypt[] = "encrypt";
constexpr char kDecrypt[] = "decrypt";
constexpr char kSign[] = "sign";
constexpr char kVerify[] = "verify";

Outcome verify(Reader& reader) {
  const Algorithm parameters = reader.algorithm(0, kVerify);
  const Key* key = matching_key(reader, parameters, 1, Usage::verify, kVerify);
  const std::string signature = reader.bytes(2, "signature");
  const std::string data = reader.bytes(3);
  if (parameters.name == "ECDSA") reader.need(!parameters.hash.empty(), "hash");
  if (reader.failed()) return tl::unexpected(reader.failure());
  const auto is_right = TRY(crypto::verify(parameters, *key, signature, data));
  return Value(reader.context(), JS_NewBool(reader.context(), is_right));
}

/// The bits that deriveBits() and deriveKey() make.
crypto::Result<std::string> derived(Reader& reader, const char* operation, Usage usage, std::optional<std::size_t> bits) {
  const Algorithm parameters = reader.algorithm(0, operation);
  const Key* key = matching_key(reader, parameters, 1, usage, operation);
  if (reader.failed()) return tl::unexpected(reader.failure());
  if (parameters.name == "ECDH") {
    const Value other(reader.context(), JS_GetPropertyStr(reader.context(), reader.argument(0), "public"));
    const Key* public_key = reader.key_of(other.get());
    if (reader.failed()) return tl::unexpected(reader.failure());
    if (public_key->type != Key::Type::public_key) return fail("InvalidAccessError", "algorithm's public is no public key");
    if (key->type != Key::Type::private_key) return fail("InvalidAccessError", "the key is no private key");
    return crypto::agree(*key, *public_key, bits.value_or(0));
  }
  reader.need(!parameters.hash.empty(), "hash");
  if (reader.failed()) return tl::unexpected(reader.failure());
  // A round is two blocks of a digest, some 500 ns.
  return crypto::derive(parameters, *key, bits.value_or(0), [&] { return !script::interrupted(reader.context(), std::size_t{512} << 10); });
}

Outcome derive_bits(Reader& reader) {
  const auto bits = reader.length_bits(2);
  return buffer_or(reader.context(), derived(reader, "deriveBits", Usage::derive_bits, bits));
}

Outcome derive_key(Reader& reader) {
  const Algorithm wanted = reader.algorithm(2, "deriveKey");
  const unsigned usages = reader.usages(4, wanted.name);
  if (reader.failed()) return tl::unexpected(reader.failure());
  std::size_t bits = static_cast<std::size_t>(wanted.length_bits);
  if (wanted.name == "HMAC") {
    reader.need(!wanted.hash.empty(), "hash");
    if (reader.failed()) return tl::unexpected(reader.failure());
    if (bits == 0) bits = static_cast<std::size_t>(EVP_MD_get_block_size(crypto::digest_named(wanted.hash))) * 8;
  }
  auto secret = TRY(derived(reader, "deriveKey", Usage::derive_key, bits));
  auto key = TRY(crypto::import_key(KeyFormat::raw, secret, wanted, reader.flag(3), usages));
  return new_key(reader.context(), std::move(key));
}

Outcome wrap_key(Reader& reader) {
  const KeyFormat format = reader.format(0);
  const Key* key = reader.key(1);
  const Algorithm parameters = reader.algorithm(3, "wrapKey");
  const Key* wrapping = matching_key(reader, parameters, 2, Usage::wrap_key, "wrapKey");
  if (reader.failed()) return tl::unexpected(reader.failure());
  auto bytes = TRY(crypto::export_key(format, *key));
  return buffer_or(reader.context(), crypto::encrypt(parameters, *wrapping, bytes));
}

Outcome unwrap_key(Reader& reader) {
  const KeyFormat format = reader.format(0);
  const std::string wrapped = reader.bytes(1, "wrappedKey");
  const Algorithm parameters = reader.algorithm(3, "unwrapKey");
  const Key* unwrapping = matching_key(reader, parameters, 2, Usage::unwrap_key, "unwrapKey");
  const Algorithm algorithm = reader.algorithm(4, "unwrapKey");
  check_key_algorithm(reader, algorithm, false);
  const unsigned usages = reader.usages(6, algorithm.name);
  if (reader.failed()) return tl::unexpected(reader.failure());
  auto bytes = TRY(crypto::decrypt(parameters, *unwrapping, wrapped));
  auto key = TRY(crypto::import_key(format, bytes, algorithm, reader.flag(5), usages));
  return new_key(reader.context(), std::move(key));
}

const script::Member kSubtle[] = {
    script::function<&promise_of<&transform<Usage::decrypt, &crypto::decrypt, kDecrypt>>>("decrypt", 3),
    script::function<&promise_of<&derive_bits>>("deriveBits", 3),
    script::function<&promise_of<&derive_key>>("deriveKey", 5),
    script::function<&promise_of<&digest>>("digest", 2),
    script::function<&promise_of<&transform<Usage::encrypt, &crypto::encrypt, kEncrypt>>>("encrypt", 3),
    script::function<&promise_of<&export_key>>("exportKey", 2),
    script::function<&promise_of<&generate_key>>("generateKey", 3),
    script::function<&promise_of<&import_key>>("importKey", 5),
    script::function<&promise_of<&transform<Usage::sign, &crypto::sign, kSign>>>("sign", 3),
    script::function<&promise_of<&unwrap_key>>("unwrapKey", 7),
    script::function<&promise_of<&verify>>("verify", 4),
    script::function<&promise_of<&wrap_key>>("wrapKey", 4),
};

// crypto

JSValue get_random_values(Call call) {
  const int type = JS_GetTypedArrayType(call.arg(0));
  const bool is_whole = type >= 0 && type != JS_TYPED_ARRAY_FLOAT32 && type != JS_TYPED_ARRAY_FLOAT64 && type != JS_TYPED_ARRAY_FLOAT16;
  const auto bytes = is_whole ? script::bytes_of(call.context, call.arg(0)) : std::nullopt;
  if (!bytes) return script::throw_error(call.context, "TypeMismatchError: typedArray parameter isn't a TypedArray instance");
  if (bytes->size() > kMaxRandomBytes) {
    return script::throw_error(call.context,
                               fmt::format("QuotaExceededError: typedArray parameter is too big; maximum length is {}", kMaxRandomBytes));
  }
  if (RAND_bytes(const_cast<std::uint8_t*>(bytes->data()), static_cast<int>(bytes->size())) != 1) {
    return script::throw_error(call.context, "OperationError: OpenSSL has no random bytes");
  }
  return JS_DupValue(call.context, call.arg(0));
}

JSValue random_uuid(Call call) {
  base::Uuid uuid;
  RAND_bytes(uuid.bytes.data(), static_cast<int>(uuid.bytes.size()));
  uuid.bytes[6] = static_cast<unsigned char>((uuid.bytes[6] & 0x0fU) | 0x40U);
  uuid.bytes[8] = static_cast<unsigned char>((uuid.bytes[8] & 0x3fU) | 0x80U);
  return script::new_string(call.context, base::format_uuid(uuid));
}

JSValue refuse_construction(Call call) {
  return script::throw_type_error(call.context, "Illegal constructor: keys come from crypto.subtle");
}

const script::Member kCrypto[] = {script::function<&get_random_values>("getRandomValues", 1),
                                  script::function<&random_uuid>("randomUUID", 0)};

}  // namespace

JSValue new_webcrypto(JSContext* context) {
  script::Class<Key>::define(context, "CryptoKey", kKey);
  Value object(context, JS_NewObject(context));
  JS_SetPropertyFunctionList(context, object.get(), kCrypto, static_cast<int>(std::size(kCrypto)));
  Value subtle(context, JS_NewObject(context));
  JS_SetPropertyFunctionList(context, subtle.get(), kSubtle, static_cast<int>(std::size(kSubtle)));
  object.set("subtle", std::move(subtle));
  const Value constructor(
      context, JS_NewCFunction2(context, &script::detail::call_function<&refuse_construction>, "CryptoKey", 0, JS_CFUNC_constructor, 0));
  const Value prototype(context, script::Class<Key>::prototype(context));
  JS_SetConstructor(context, constructor.get(), prototype.get());
  object.set("CryptoKey", constructor);
  return object.release();
}

}  // namespace gauntlet::engine::api
