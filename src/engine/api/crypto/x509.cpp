#include "engine/api/crypto/x509.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "engine/api/crypto/certificate.hpp"
#include "engine/script/binding.hpp"
#include "engine/script/value.hpp"

namespace gauntlet::engine::api {
namespace {

using crypto::Certificate;
using crypto::DistinguishedName;
using script::Call;
using script::Value;

/// The certificate of a call's first argument; nothing with an exception pending.
std::optional<Certificate> certificate_of(const Call& call) {
  std::optional<std::string> pem = call.has(0) ? script::bytes_or_text(call.context, call.arg(0)) : "";
  if (!pem) {
    script::throw_type_error(call.context,
                             fmt::format("a certificate is a text or an ArrayBuffer, not {}", script::kind_of(call.context, call.arg(0))));
    return std::nullopt;
  }
  auto certificate = crypto::parse_certificate(*pem);
  if (certificate) return std::move(*certificate);
  script::throw_error(call.context, certificate.error().message);
  return std::nullopt;
}

Value list_of(JSContext* context, const std::vector<std::string>& texts) {
  Value list(context, JS_NewArray(context));
  for (std::uint32_t i = 0; i < texts.size(); ++i)
    JS_DefinePropertyValueUint32(context, list.get(), i, script::new_string(context, texts[i]), JS_PROP_C_W_E);
  return list;
}

Value attributes_of(JSContext* context, const DistinguishedName& name) {
  Value list(context, JS_NewArray(context));
  std::uint32_t count = 0;
  for (const auto& [type, value] : name.attributes) {
    Value attribute(context, JS_NewObject(context));
    attribute.set("type", type);
    attribute.set("value", value);
    JS_DefinePropertyValueUint32(context, list.get(), count++, attribute.release(), JS_PROP_C_W_E);
  }
  return list;
}

Value subject_of(JSContext* context, const DistinguishedName& name) {
  Value object(context, JS_NewObject(context));
  object.set("commonName", name.common_name);
  object.set("country", name.country);
  object.set("postalCode", name.postal_code);
  object.set("stateOrProvinceName", name.state);
  object.set("localityName", name.locality);
  object.set("streetAddress", name.street);
  object.set("organizationName", name.organization);
  object.set("organizationalUnitName", list_of(context, name.organizational_units));
  object.set("names", attributes_of(context, name));
  return object;
}

Value issuer_of(JSContext* context, const DistinguishedName& name) {
  Value object(context, JS_NewObject(context));
  object.set("commonName", name.common_name);
  object.set("country", name.country);
  object.set("stateOrProvinceName", name.state);
  object.set("localityName", name.locality);
  object.set("organizationName", name.organization);
  object.set("names", attributes_of(context, name));
  return object;
}

Value big_integer(JSContext* context, const std::string& hexadecimal) {
  const Value global(context, JS_GetGlobalObject(context));
  const Value constructor = global.property("BigInt");
  const Value digits(context, script::new_string(context, "0x" + hexadecimal));
  JSValueConst arguments[] = {digits.get()};
  return {context, JS_Call(context, constructor.get(), JS_UNDEFINED, 1, arguments)};
}

/// `key` and `algorithm` of each kind of key.
struct PublicKey {
  JSContext* context;
  Value key{context, JS_NewObject(context)};
  const char* algorithm = "";

  void number(const char* name, const std::string& hexadecimal) { key.set(name, big_integer(context, hexadecimal)); }

  void operator()(std::monostate) {}
  void operator()(const crypto::RsaKey& rsa) {
    algorithm = "RSA";
    number("n", rsa.modulus);
    key.set("e", Value(context, JS_NewFloat64(context, static_cast<double>(std::strtoull(rsa.exponent.c_str(), nullptr, 16)))));
  }
  void operator()(const crypto::EllipticKey& elliptic) {
    algorithm = "ECDSA";
    Value curve(context, JS_NewObject(context));
    curve.set("name", elliptic.curve);
    key.set("curve", std::move(curve));
    number("x", elliptic.x);
    number("y", elliptic.y);
  }
  void operator()(const crypto::DsaKey& dsa) {
    algorithm = "DSA";
    for (const auto& [name, digits] : {std::pair("p", &dsa.p), std::pair("q", &dsa.q), std::pair("g", &dsa.g)}) number(name, *digits);
    Value parameters(context, JS_NewObject(context));
    for (const char* name : {"p", "q", "g"}) parameters.set(name, key.property(name));
    key.set("parameters", std::move(parameters));
    number("y", dsa.y);
  }
};

JSValue parse(Call call) {
  JSContext* const context = call.context;
  const auto certificate = certificate_of(call);
  if (!certificate) return JS_EXCEPTION;
  PublicKey key{context};
  std::visit(key, certificate->public_key);
  if (*key.algorithm == '\0') return script::throw_error(context, "unsupported public key algorithm");
  Value object(context, JS_NewObject(context));
  object.set("subject", subject_of(context, certificate->subject));
  object.set("issuer", issuer_of(context, certificate->issuer));
  object.set("notBefore", certificate->not_before);
  object.set("notAfter", certificate->not_after);
  object.set("altNames", list_of(context, certificate->alt_names));
  object.set("signatureAlgorithm", certificate->signature_algorithm);
  Value fingerprint(context, JS_NewArray(context));
  for (std::uint32_t i = 0; i < certificate->fingerprint.size(); ++i)
    JS_DefinePropertyValueUint32(context, fingerprint.get(), i, JS_NewInt32(context, certificate->fingerprint[i]), JS_PROP_C_W_E);
  object.set("fingerPrint", std::move(fingerprint));
  Value public_key(context, JS_NewObject(context));
  public_key.set("algorithm", key.algorithm);
  public_key.set("key", std::move(key.key));
  object.set("publicKey", std::move(public_key));
  return object.release();
}

JSValue alt_names(Call call) {
  const auto certificate = certificate_of(call);
  return certificate ? list_of(call.context, certificate->alt_names).release() : JS_EXCEPTION;
}
JSValue issuer(Call call) {
  const auto certificate = certificate_of(call);
  return certificate ? issuer_of(call.context, certificate->issuer).release() : JS_EXCEPTION;
}
JSValue subject(Call call) {
  const auto certificate = certificate_of(call);
  return certificate ? subject_of(call.context, certificate->subject).release() : JS_EXCEPTION;
}

const script::Member kExports[] = {script::function<&alt_names>("getAltNames", 1), script::function<&issuer>("getIssuer", 1),
                                   script::function<&subject>("getSubject", 1), script::function<&parse>("parse", 1)};

}  // namespace

void init_x509(script::Module& module) { module.exports(kExports); }

}  // namespace gauntlet::engine::api
