#pragma once
// k6/data: SharedArray. https://grafana.com/docs/k6/latest/javascript-api/k6-data/
#include <quickjs.h>

#include <string>

namespace gauntlet::engine::script {
class Module;
}

namespace gauntlet::engine::api {

void init_data(script::Module& module);

/// For natives that share arrays of their own. The class must be defined in the context first.
void define_shared_array(JSContext* context);
/// The shared array of that name, or undefined.
JSValue find_shared_array(JSContext* context, const std::string& name);
/// Makes the elements of `array` the shared array of that name, unless there is one.
JSValue new_shared_array(JSContext* context, const std::string& name, JSValueConst array);

}  // namespace gauntlet::engine::api
