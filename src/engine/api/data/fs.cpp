#include "engine/api/data/fs.hpp"

#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <memory>

#include "engine/script/binding.hpp"
#include "engine/script/runtime.hpp"
#include "engine/users/vu_context.hpp"

namespace gauntlet::engine::api {
namespace {

using script::Call;
using script::Self;
using script::Value;

enum SeekMode : std::int32_t { kStart, kCurrent, kEnd };

JSValue rejected(JSContext* context, const char* name, std::string_view message) {
  script::throw_named_error(context, name, message);
  return script::rejected(context);
}

JSValue read(Self<OpenFile> self, Call call) {
  if (!call.has(0)) return rejected(self.context, "TypeError", "read() failed; reason: into argument cannot be null or undefined");
  const auto into = script::bytes_of(self.context, call.arg(0));
  if (!into || JS_GetTypedArrayType(call.arg(0)) != JS_TYPED_ARRAY_UINT8) {
    return rejected(self.context, "TypeError", "read() failed; reason: into argument must be a Uint8Array");
  }
  const std::string_view rest = self->rest();
  const std::size_t count = std::min(rest.size(), into->size());
  if (count == 0) return script::resolved(self.context, JS_NULL);
  std::memcpy(const_cast<std::uint8_t*>(into->data()), rest.data(), count);
  self->offset += count;
  return script::resolved(self.context, JS_NewInt64(self.context, static_cast<std::int64_t>(count)));
}

JSValue seek(Self<OpenFile> self, Call call) {
  const auto refuse = [&](std::string_view reason) { return rejected(self.context, "TypeError", reason); };
  if (!call.has(0)) return refuse("seek() failed; reason: the offset argument cannot be null or undefined");
  if (!JS_IsNumber(call.arg(0))) return refuse("seek() failed; reason: the offset argument must be a number");
  if (!call.has(1)) return refuse("seek() failed; reason: the whence argument cannot be null or undefined");
  std::int64_t offset = 0;
  std::int32_t mode = -1;
  JS_ToInt64(self.context, &offset, call.arg(0));
  if (!JS_IsNumber(call.arg(1)) || JS_ToInt32(self.context, &mode, call.arg(1)) < 0 || mode < kStart || mode > kEnd) {
    return refuse("seek() failed; reason: the whence argument must be a SeekMode");
  }
  const auto size = static_cast<std::int64_t>(self->bytes->size());
  if (mode == kStart && offset < 0) return refuse("offset cannot be negative when using SeekModeStart");
  if (mode == kEnd && offset > 0) return refuse("offset cannot be positive when using SeekModeEnd");
  const std::int64_t base = mode == kStart ? 0 : mode == kEnd ? size : static_cast<std::int64_t>(self->offset);
  if (offset > size - base) return refuse("seeking beyond end of file");
  if (offset < -base) return refuse("seeking before start of file");
  self->offset = static_cast<std::size_t>(base + offset);
  return script::resolved(self.context, JS_NewInt64(self.context, base + offset));
}

JSValue stat(Self<OpenFile> self, Call) {
  Value info(self.context, JS_NewObject(self.context));
  info.set("name", std::filesystem::path(self->path).filename().string());
  info.set("size", Value(self.context, JS_NewInt64(self.context, static_cast<std::int64_t>(self->bytes->size()))));
  return script::resolved(self.context, info.release());
}

const script::Member kFile[] = {script::own(script::method<&read>("read", 1)), script::own(script::method<&seek>("seek", 2)),
                                script::own(script::method<&stat>("stat", 0))};

JSValue open(Call call) {
  JSContext* const context = call.context;
  if (!users::vu_of(context).in_init()) {
    return rejected(context, "ForbiddenError", "open() failed; reason: opening a file is allowed only in the Init context");
  }
  if (!call.has(0)) return rejected(context, "TypeError", "open() failed; reason: path cannot be null or undefined");
  const script::Text given(context, call.arg(0));
  if (given.failed()) return JS_EXCEPTION;
  if (given.view().empty()) return rejected(context, "TypeError", "open() failed; reason: path cannot be empty");
  script::Program& program = script::Runtime::of(context).program();
  auto file = std::make_unique<OpenFile>();
  file->path = program.data_path(given.str());
  std::error_code failure;
  if (std::filesystem::is_directory(file->path, failure)) {
    return rejected(context, "InvalidResourceError", fmt::format("cannot open \"{}\": opening a directory is not supported", file->path));
  }
  auto bytes = program.open(file->path);
  if (!bytes && (bytes.error().kind == base::ErrorKind::invalid_argument || bytes.error().kind == base::ErrorKind::resource_exhausted))
    return rejected(context, "InvalidResourceError", bytes.error().message);
  if (!bytes) return rejected(context, "NotFoundError", fmt::format("no such file or directory \"{}\"", file->path));
  file->bytes = std::move(*bytes);
  const std::string path = file->path;
  Value object(context, script::Class<OpenFile>::create(context, std::move(file)));
  if (object.is_exception()) return JS_EXCEPTION;
  object.set("path", path);
  JS_SetPropertyFunctionList(context, object.get(), kFile, static_cast<int>(std::size(kFile)));
  return script::resolved(context, object.release());
}

const script::Member kExports[] = {script::function<&open>("open", 1)};
const script::Member kSeekMode[] = {script::int_constant("Start", kStart), script::int_constant("Current", kCurrent),
                                    script::int_constant("End", kEnd)};

}  // namespace

OpenFile* open_file_of(JSValueConst value) { return script::Class<OpenFile>::of(value); }

void init_fs(script::Module& module) {
  JSContext* const context = module.context();
  script::Class<OpenFile>::define(context, "Object", {});
  module.exports(kExports);
  Value modes(context, JS_NewObject(context));
  JS_SetPropertyFunctionList(context, modes.get(), kSeekMode, static_cast<int>(std::size(kSeekMode)));
  module.export_value("SeekMode", std::move(modes));
}

}  // namespace gauntlet::engine::api
