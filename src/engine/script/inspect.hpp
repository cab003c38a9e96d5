#pragma once
// How console.log and its kin show values: k6's form, node-like on one line.
#include <quickjs.h>

#include <string>

namespace gauntlet::engine::script {

/// Text of one argument: strings as they are at the top level, quoted inside objects and arrays.
std::string inspect(JSContext* context, JSValueConst value);

}  // namespace gauntlet::engine::script
