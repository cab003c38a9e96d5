#pragma once
#include <string_view>

namespace gauntlet::base {

/// write(2) of a blocking descriptor until all of it has left; false with the reason in errno.
bool write_all(int fd, std::string_view bytes);

}  // namespace gauntlet::base
