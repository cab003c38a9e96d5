#pragma once
// `pause`, `resume`, `scale`, `status` and `stats`, as k6 1.8 has them: talk to a running test by the REST API that its
// --address opened.
#include <string_view>

namespace gauntlet::cli {

bool is_control_command(std::string_view name);
/// argv[0] is the command's name. Returns the exit code: 0, or k6's 255 with a message.
int control_command(int argc, char** argv);

}  // namespace gauntlet::cli
