#pragma once
// What a Response does with the page in its body: html(), submitForm() and clickLink().
#include <quickjs.h>

#include "engine/api/http/response.hpp"
#include "engine/script/binding.hpp"

namespace gauntlet::engine::api {

JSValue page_html(script::Self<Response> self, script::Call call);
JSValue page_submit_form(script::Self<Response> self, script::Call call);
JSValue page_click_link(script::Self<Response> self, script::Call call);

}  // namespace gauntlet::engine::api
