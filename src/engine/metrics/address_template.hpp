#pragma once
// Addresses that differ in numbers and ids alone are one endpoint.
#include <string>
#include <string_view>

namespace gauntlet::engine::metrics {

/// "http://h/users/17/items?page=2" as "http://h/users/{}/items?page={}": whole segments of the path that are numbers, UUIDs or long
/// hexadecimal, and all values of the query. The text itself where it is no address or has nothing of the kind.
std::string address_template(std::string_view address);

}  // namespace gauntlet::engine::metrics
