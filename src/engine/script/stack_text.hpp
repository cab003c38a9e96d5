#pragma once
// How the interpreter writes a stack: the message, then a line for each call, innermost first.
#include <quickjs.h>

#include <string>
#include <string_view>

namespace gauntlet::engine::script {

/// What each call's line begins with, before its place.
constexpr std::string_view kStackLine = "\tat ";

/// "at f (file:///script.js:3:5(12))": where the script called the native that runs now. Empty when no script did.
std::string calling_place(JSContext* context);

}  // namespace gauntlet::engine::script
