#pragma once
// What a Response does with the page in its body: html(), submitForm() and clickLink().
#include <quickjs.h>

#include "engine/api/http/response.hpp"
#include "engine/script/binding.hpp"

namespace gauntlet::engine::modules {

JSValue page_html(js::Self<Response> self, js::Call call);
JSValue page_submit_form(js::Self<Response> self, js::Call call);
JSValue page_click_link(js::Self<Response> self, js::Call call);

}  // namespace gauntlet::engine::modules
