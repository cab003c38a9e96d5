#include "engine/api/grpc/type_names.hpp"

namespace gauntlet::engine::grpc {

TypeNames::TypeNames(JSContext* context)
    : context_(context),
      to_json_(JS_NewAtom(context, "toJSON")),
      at_type_(JS_NewAtom(context, "@type")),
      value_(JS_NewAtom(context, "value")) {
  const JSValue plain = JS_NewObject(context);
  plain_object_class_ = JS_GetClassID(plain);
  JS_FreeValue(context, plain);
}

TypeNames::~TypeNames() {
  for (const auto& names : messages_) {
    if (!names) continue;
    for (std::uint32_t i = 0; i < names->count; ++i) {
      JS_FreeAtom(context_, names->json[i]);
      JS_FreeAtom(context_, names->declared[i]);
    }
  }
  for (const auto& names : enums_) {
    if (!names) continue;
    for (const JSAtom atom : *names) JS_FreeAtom(context_, atom);
  }
  for (const JSAtom atom : {to_json_, at_type_, value_}) JS_FreeAtom(context_, atom);
}

const TypeNames::Message& TypeNames::of(const MessageType& type) {
  if (type.id >= messages_.size()) messages_.resize(type.id + 1);
  auto& slot = messages_[type.id];
  if (!slot) {
    slot = std::make_unique<Message>();
    slot->count = static_cast<std::uint32_t>(type.fields.size());
    slot->json = std::make_unique<JSAtom[]>(slot->count);
    slot->declared = std::make_unique<JSAtom[]>(slot->count);
    for (std::uint32_t i = 0; i < slot->count; ++i) {
      const Field& field = type.fields[i];
      slot->json[i] = JS_NewAtomLen(context_, field.json_name.data(), field.json_name.size());
      slot->declared[i] = JS_NewAtomLen(context_, field.name.data(), field.name.size());
    }
  }
  return *slot;
}

JSValue TypeNames::value_name(const EnumType& type, std::uint32_t index) {
  if (type.id >= enums_.size()) enums_.resize(type.id + 1);
  auto& slot = enums_[type.id];
  if (!slot) {
    slot = std::make_unique<std::vector<JSAtom>>();
    for (const auto& [name, number] : type.values) slot->push_back(JS_NewAtomLen(context_, name.data(), name.size()));
  }
  const JSAtom name = (*slot)[index];
  return name == JS_ATOM_NULL ? JS_ThrowOutOfMemory(context_) : JS_AtomToString(context_, name);
}

}  // namespace gauntlet::engine::grpc
