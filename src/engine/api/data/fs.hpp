#pragma once
// k6/experimental/fs: files opened in the init stage and read piece by piece.
// https://grafana.com/docs/k6/latest/javascript-api/k6-experimental/fs/
#include <quickjs.h>

#include <string>

#include "engine/script/program.hpp"

namespace gauntlet::engine::script {
class Module;
}

namespace gauntlet::engine::api {

void init_fs(script::Module& module);

/// What fs.open() gives: the file's bytes, one copy a process, and where the next read begins.
struct OpenFile {
  std::string path;
  script::Program::File bytes;
  std::size_t offset = 0;

  std::string_view rest() const { return std::string_view(*bytes).substr(offset); }
};

/// The file behind a script's File object, or nullptr.
OpenFile* open_file_of(JSValueConst value);

}  // namespace gauntlet::engine::api
