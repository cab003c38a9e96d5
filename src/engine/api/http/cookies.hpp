#pragma once
// http.CookieJar and http.cookieJar(): a wire::CookieJar in a script's hands.
#include <quickjs.h>

#include <memory>

#include "engine/wire/http/cookie.hpp"

namespace gauntlet::engine::api {

void define_cookie_jar(JSContext* context);
/// An object for a jar, which the virtual user may hold, too.
JSValue new_cookie_jar(JSContext* context, std::shared_ptr<wire::CookieJar> jar);
/// The jar of such an object; null for anything else.
std::shared_ptr<wire::CookieJar> jar_of(JSValueConst value);

}  // namespace gauntlet::engine::api
