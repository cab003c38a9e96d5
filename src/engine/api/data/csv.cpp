#include "engine/api/data/csv.hpp"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <tuple>

#include "base/utf8.hpp"
#include "engine/api/data/csv_reader.hpp"
#include "engine/api/data/data.hpp"
#include "engine/api/data/fs.hpp"
#include "engine/script/binding.hpp"
#include "engine/users/vu_context.hpp"

namespace gauntlet::engine::api {
namespace {

using script::Call;
using script::Self;
using script::Value;

struct Options {
  std::string delimiter = ",";
  bool skip_first_line = false;
  bool as_objects = false;
  std::int64_t from_line = 0;  ///< rows before it are left out, counted from 0
  std::int64_t to_line = 0;    ///< the last row; 0 for all
};

/// The options of a call; nothing with an exception pending.
std::optional<Options> options_of(JSContext* context, JSValueConst given) {
  Options options;
  if (JS_IsUndefined(given) || JS_IsNull(given)) return options;
  const Value object = Value::copy(context, given);
  const auto number = [&](const char* name, std::int64_t& out) {
    const Value value = object.property(name);
    return !value.is_exception() && (value.is_nullish() || JS_ToInt64(context, &out, value.get()) == 0);
  };
  const Value delimiter = object.property("delimiter");
  if (delimiter.is_exception()) return std::nullopt;
  if (!delimiter.is_nullish()) {
    options.delimiter = script::Text(delimiter).str();
    if (base::count_characters(options.delimiter) != 1) {
      script::throw_error(context, "failed to interpret the provided Parser options; reason: delimiter must be a single character");
      return std::nullopt;
    }
  }
  options.skip_first_line = JS_ToBool(context, object.property("skipFirstLine").get()) > 0;
  options.as_objects = JS_ToBool(context, object.property("asObjects").get()) > 0;
  if (!number("fromLine", options.from_line) || !number("toLine", options.to_line)) return std::nullopt;
  if (options.to_line > 0 && options.from_line > options.to_line) {
    script::throw_error(context, "failed to interpret the provided Parser options; reason: fromLine must be less than or equal to toLine");
    return std::nullopt;
  }
  return options;
}

/// Rows of a file as the options want them.
class Rows {
 public:
  using Row = CsvReader::Row;

  /// What stands before the first row is read at once.
  static base::Expected<Rows> open(OpenFile& file, const Options& options) {
    const auto refuse = [](const std::string& reason) {
      return base::fail(base::ErrorKind::invalid_argument, "failed to create a new parser; reason: " + reason);
    };
    if (options.from_line < 0)
      return refuse(fmt::format("the 'fromLine' option must be greater than or equal to 0; got {}", options.from_line));
    if (options.as_objects && options.skip_first_line) return refuse("the 'header' option cannot be enabled when 'skipFirstLine' is true");
    if (options.as_objects && options.from_line > 0)
      return refuse("the 'header' option cannot be enabled when 'fromLine' is set to a value greater than 0");
    Rows rows(file, options);
    const auto leave_out = [&](const std::string& what) -> base::Expected<Row> {
      auto row = rows.reader_.next();
      if (!row) return refuse(what + "; reason: " + row.error().message);
      if (!*row) return refuse(what + "; reason: EOF");
      ++rows.line_;
      return std::move(**row);
    };
    if (options.as_objects) {
      auto header = TRY(leave_out("failed to read the first line"));
      rows.header_ = std::move(header);
    } else if (options.skip_first_line && options.from_line == 0) {
      std::ignore = TRY(leave_out("failed to skip the first line"));
    }
    while (rows.line_ < options.from_line) {
      std::ignore = TRY(leave_out(fmt::format("failed to skip lines until line {}", options.from_line)));
    }
    return rows;
  }

  base::Expected<std::optional<Row>> next() {
    if (options_.to_line > 0 && line_ > options_.to_line) return std::nullopt;
    auto row = reader_.next();
    if (!row) return base::fail(row.error().kind, "failed to read record; reason: " + row.error().message);
    ++line_;
    return row;
  }

  const Row& header() const { return header_; }
  bool as_objects() const { return options_.as_objects; }
  std::size_t offset() const { return reader_.offset(); }

  JSValue to_value(JSContext* context, const Row& row) const {
    if (as_objects()) {
      Value object(context, JS_NewObject(context));
      for (std::size_t i = 0; i < row.size() && i < header_.size(); ++i) object.set(header_[i], row[i]);
      return object.release();
    }
    const Value list(context, JS_NewArray(context));
    for (std::uint32_t i = 0; i < row.size(); ++i)
      JS_DefinePropertyValueUint32(context, list.get(), i, script::new_string(context, row[i]), JS_PROP_C_W_E);
    return list.dup();
  }

 private:
  Rows(OpenFile& file, const Options& options) : bytes_(file.bytes), options_(options), reader_(file.rest(), options.delimiter) {}

  script::Program::File bytes_;  // what reader_ reads
  Options options_;
  CsvReader reader_;
  Row header_;
  std::int64_t line_ = 0;
};

/// The file and the options of a call; nothing with an exception pending.
std::optional<std::pair<OpenFile*, Options>> arguments_of(const Call& call, const char* what) {
  if (!call.has(0)) {
    script::throw_error(call.context, fmt::format("csv {} takes at least one non-nil source argument", what));
    return std::nullopt;
  }
  OpenFile* file = open_file_of(call.arg(0));
  if (file == nullptr) {
    script::throw_error(call.context, "first argument expected to be a fs.File instance");
    return std::nullopt;
  }
  const auto options = options_of(call.context, call.arg(1));
  if (!options) return std::nullopt;
  return std::pair(file, *options);
}

/// All rows in a shared array: virtual users that parse the same file the same way share one.
base::Expected<JSValue> parse_all(JSContext* context, OpenFile& file, const Options& options) {
  const std::string name = fmt::format("csv.parse {} {} {} {} {} {} {}", file.path, file.offset, options.delimiter, options.skip_first_line,
                                       options.as_objects, options.from_line, options.to_line);
  const std::size_t size = file.bytes->size();
  if (const JSValue known = find_shared_array(context, name); !JS_IsUndefined(known)) {
    file.offset = size;
    return known;
  }
  auto rows = TRY(Rows::open(file, options));
  file.offset = size;
  const Value list(context, JS_NewArray(context));
  for (std::uint32_t count = 0;; ++count) {
    auto row = TRY(rows.next());
    if (!row) break;
    JS_DefinePropertyValueUint32(context, list.get(), count, rows.to_value(context, *row), JS_PROP_C_W_E);
  }
  return new_shared_array(context, name, list.get());
}

JSValue parse(Call call) {
  script::Deferred deferred(call.context);
  const auto arguments = arguments_of(call, "parse");
  if (!arguments) {
    deferred.reject(Value(call.context, JS_GetException(call.context)));
    return deferred.promise();
  }
  const auto array = parse_all(call.context, *arguments->first, arguments->second);
  if (!array) script::throw_error(call.context, array.error().message);
  if (!array || JS_IsException(*array)) deferred.reject(Value(call.context, JS_GetException(call.context)));
  else deferred.resolve(Value(call.context, *array));
  return deferred.promise();
}

JSValue next(Self<Rows> self, Call) {
  JSContext* const context = self.context;
  script::Deferred deferred(context);
  auto row = self->next();
  if (!row) {
    script::throw_error(context, row.error().message);
    deferred.reject(Value(context, JS_GetException(context)));
    return deferred.promise();
  }
  Value answer(context, JS_NewObject(context));
  answer.set("done", Value(context, JS_NewBool(context, !*row)));
  answer.set("value", Value(context, *row ? self->to_value(context, **row) : JS_NewArray(context)));
  deferred.resolve(std::move(answer));
  return deferred.promise();
}

JSValue construct_parser(Call call) {
  if (!users::vu_of(call.context).in_init())
    return script::throw_error(call.context, "csv Parser constructor must be called in the init context");
  const auto arguments = arguments_of(call, "Parser constructor");
  if (!arguments) return JS_EXCEPTION;
  auto rows = Rows::open(*arguments->first, arguments->second);
  if (!rows) return script::throw_error(call.context, rows.error().message);
  return script::Class<Rows>::construct(call, std::make_unique<Rows>(std::move(*rows)));
}

const script::Member kParser[] = {script::method<&next>("next", 0)};
const script::Member kExports[] = {script::function<&parse>("parse", 2)};

}  // namespace

void init_csv(script::Module& module) {
  script::Class<Rows>::define(module.context(), "Parser", kParser);
  define_shared_array(module.context());
  module.exports(kExports);
  module.export_class<Rows, &construct_parser>("Parser", 2);
}

}  // namespace gauntlet::engine::api
