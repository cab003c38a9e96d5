#pragma once
// The names in schemas as one JavaScript runtime has them (atoms), so that converters neither create nor compare
// strings. One per virtual user; a type's names come into being when a message of it is first converted.
#include <quickjs.h>

#include <memory>
#include <vector>

#include "engine/wire/grpc/schema.hpp"

namespace gauntlet::engine::grpc {

class TypeNames {
 public:
  /// Must be destroyed before the context.
  explicit TypeNames(JSContext* context);
  ~TypeNames();
  TypeNames(const TypeNames&) = delete;
  TypeNames& operator=(const TypeNames&) = delete;

  /// By field index; `declared` is the same atom where both names are equal.
  struct Message {
    std::uint32_t count = 0;
    std::unique_ptr<JSAtom[]> json;
    std::unique_ptr<JSAtom[]> declared;

    /// The field of that name, or -1. Fields usually come in order: `expected` is where to look first.
    int find(JSAtom name, std::uint32_t expected) const {
      if (expected < count && json[expected] == name) return static_cast<int>(expected);
      for (std::uint32_t i = 0; i < count; ++i) {
        if (json[i] == name || declared[i] == name) return static_cast<int>(i);
      }
      return -1;
    }
  };
  const Message& of(const MessageType& type);
  /// The name of an enum's value by its index, as a string; owned by the caller.
  JSValue value_name(const EnumType& type, std::uint32_t index);

  JSContext* context() const { return context_; }
  JSAtom to_json() const { return to_json_; }
  JSAtom at_type() const { return at_type_; }
  JSAtom value() const { return value_; }
  /// The class of `{}`.
  JSClassID plain_object_class() const { return plain_object_class_; }

 private:
  JSContext* context_;
  std::vector<std::unique_ptr<Message>> messages_;           // by MessageType::id
  std::vector<std::unique_ptr<std::vector<JSAtom>>> enums_;  // by EnumType::id
  JSAtom to_json_;
  JSAtom at_type_;
  JSAtom value_;
  JSClassID plain_object_class_;
};

}  // namespace gauntlet::engine::grpc
