#include "engine/api/grpc/client.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <map>
#include <mutex>

#include "base/duration.hpp"
#include "base/event_loop.hpp"
#include "base/version.hpp"
#include "engine/api/grpc/answer.hpp"
#include "engine/api/grpc/encoder.hpp"
#include "engine/api/grpc/reflection.hpp"
#include "engine/metrics/recorder.hpp"
#include "engine/plan/options.hpp"
#include "engine/script/fiber/fiber.hpp"
#include "engine/users/shared_state.hpp"
#include "engine/users/test_state.hpp"
#include "engine/users/vu_context.hpp"
#include "engine/wire/grpc/protobuf_wire.hpp"

namespace gauntlet::engine::api {
namespace {

using metrics::SystemTag;
using script::Call;
using script::Value;
using Client = script::Self<GrpcScriptClient>;

constexpr std::chrono::seconds kDefaultCallTimeout(120);

constexpr const char* kHealthProto = R"(
syntax = "proto3";
package grpc.health.v1;
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse {
  enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
  ServingStatus status = 1;
}
service Health { rpc Check(HealthCheckRequest) returns (HealthCheckResponse); }
)";

/// TLS settings of connections that bring their own, built once for all virtual users.
class ConnectionTls {
 public:
  base::Expected<std::shared_ptr<const wire::TlsContext>> get(const GrpcConnectParams::Tls& params, const plan::Options& options) {
    const std::lock_guard lock(mutex_);
    auto& known = contexts_[params];
    if (known) return known;
    wire::TlsSettings settings;
    settings.min_version = options.tls_version.value.min;
    settings.max_version = options.tls_version.value.max;
    settings.cipher_suites = options.tls_cipher_suites.value;
    settings.skip_verification = options.insecure_skip_tls_verify.value;
    settings.fetches_issuers = options.tls_aia_fetch.value;
    settings.ca_certificates = params.ca_certificates;
    if (!params.certificate.empty() && !params.key.empty()) {  // k6 looks at neither alone
      settings.certificates.push_back({params.certificate, params.key, params.password, {}});
    }
    auto made = wire::TlsContext::create(settings);
    wire::TlsSettings authorities_only;
    authorities_only.ca_certificates = params.ca_certificates;
    if (!made && wire::TlsContext::create(authorities_only)) {
      return tl::unexpected(std::move(made.error()).in("failed to append certificate from PEM"));
    }
    if (!made) return base::fail(base::ErrorKind::invalid_argument, "failed to append ca certificate [0] from PEM");
    known = std::move(*made);
    return known;
  }

 private:
  std::mutex mutex_;
  std::map<GrpcConnectParams::Tls, std::shared_ptr<const wire::TlsContext>> contexts_;
};

/// The folder that relative import paths start from.
std::string script_folder(users::VuContext& vu) {
  std::string_view url = vu.test().program.entry_url();
  constexpr std::string_view kScheme = "file://";
  if (url.starts_with(kScheme)) url.remove_prefix(kScheme.size());
  return std::filesystem::path(url).parent_path().string();
}

/// Throws what is wrong, unless the script's own exception is pending.
JSValue refuse(JSContext* context, const base::Error& error, std::string_view in = {}) {
  if (error.message.empty()) return JS_EXCEPTION;
  return script::throw_error(context, fmt::format("{}{}", in, error.message));
}

// ---- load

/// [{package, service, full_method, name, is_client_stream, is_server_stream}]
JSValue list_methods(JSContext* context, const grpc::Schema& schema) {
  const Value list(context, JS_NewArray(context));
  std::uint32_t index = 0;
  for (const grpc::Method& method : schema.methods()) {
    Value info(context, JS_NewObject(context));
    info.set("package", method.package);
    info.set("service", method.service);
    info.set("full_method", method.full_method);
    info.set("name", method.name);
    info.set("is_client_stream", Value(context, JS_NewBool(context, method.client_stream)));
    info.set("is_server_stream", Value(context, JS_NewBool(context, method.server_stream)));
    JS_DefinePropertyValueUint32(context, list.get(), index++, info.release(), JS_PROP_C_W_E);
  }
  return list.dup();
}

JSValue take_schema(Client self, base::Expected<grpc::SchemaPtr> schema) {
  if (!schema) return refuse(self.context, schema.error());
  const grpc::Schema* const kept = self->state().keep(std::move(*schema));
  self->add_schema(kept);
  return list_methods(self.context, *kept);
}

/// Through the program, so that an archive has them; the messages are those of the plain reader.
grpc::ReadFile reader_of(GrpcState& state) {
  return [&program = state.vu().test().program](const std::string& path) -> base::Expected<std::string> {
    if (auto file = program.open(path)) return **file;
    if (program.packed() == nullptr) return grpc::read_file(path);
    return base::fail(base::ErrorKind::not_found, "stat " + path + ": no such file or directory");
  };
}

JSValue load(Client self, Call call) {
  GrpcState& state = self->state();
  if (!state.vu().in_init()) return script::throw_error(self.context, "load must be called in the init context");
  grpc::ProtoFiles what{script_folder(state.vu()), {}, {}};
  if (call.has(0)) {
    if (!JS_IsArray(call.arg(0))) return script::throw_type_error(self.context, "load's import paths must be an array");
    const std::int64_t length = script::list_length(self.context, call.arg(0));
    for (std::int64_t i = 0; i < length; ++i) {
      const Value path(self.context, JS_GetPropertyInt64(self.context, call.arg(0), i));
      if (path.is_exception()) return JS_EXCEPTION;
      what.import_paths.push_back(script::Text(path).str());
    }
  }
  for (int i = 1; i < call.count; ++i) {
    const script::Text file(self.context, call.arg(i));
    if (file.failed()) return JS_EXCEPTION;
    what.files.push_back(file.str());
  }
  if (what.files.empty()) return JS_NewArray(self.context);
  return take_schema(self, state.schemas().load(what, reader_of(state)));
}

JSValue load_protoset(Client self, Call call) {
  GrpcState& state = self->state();
  if (!state.vu().in_init()) return script::throw_error(self.context, "load must be called in the init context");
  const script::Text path(self.context, call.arg(0));
  if (path.failed()) return JS_EXCEPTION;
  return take_schema(self, state.schemas().load_protoset(
                               (std::filesystem::path(script_folder(state.vu())) / path.view()).lexically_normal(), reader_of(state)));
}

// ---- connect

JSValue connect(Client self, Call call) {
  JSContext* const context = self.context;
  GrpcState& state = self->state();
  users::VuContext& vu = state.vu();
  if (vu.in_init()) return script::throw_error(context, "connecting to a gRPC server in the init context is not supported");
  wire::GrpcClientOptions options;
  if (call.has(0)) {
    const script::Text address(context, call.arg(0));
    if (address.failed()) return JS_EXCEPTION;
    options.address = address.str();
  }
  const auto params = parse_connect_params(context, call.arg(1));
  if (!params) return refuse(context, params.error(), "invalid grpc.connect() parameters: ");
  const auto dialer = state.dialer();
  if (!dialer) return refuse(context, dialer.error());
  options.tls = !params->plaintext;
  options.authority = params->authority;
  options.user_agent = vu.options().user_agent.given ? vu.options().user_agent.value : std::string("gauntlet/") + base::kVersion;
  if (params->max_receive_bytes > 0) options.max_receive_bytes = static_cast<std::size_t>(params->max_receive_bytes);
  if (params->max_send_bytes > 0) options.max_send_bytes = static_cast<std::size_t>(params->max_send_bytes);
  if (params->tls && options.tls) {
    auto tls = vu.shared().get<ConnectionTls>().get(*params->tls, vu.options());
    if (!tls) return refuse(context, tls.error());
    options.tls_context = std::move(*tls);
  }
  self->disconnect();
  auto connection = std::make_shared<wire::GrpcClient>(**dialer, vu.loop(), std::move(options));
  fiber::Awaited<std::optional<std::string>> outcome;
  connection->connect(params->timeout, [&](std::optional<std::string> problem) { outcome.complete(std::move(problem)); });
  const auto problem = outcome.wait();
  if (!problem) {
    connection.reset();
    return vu.throw_interrupted();
  }
  if (*problem) return script::throw_error(context, **problem);
  if (params->reflect) {
    auto schema = reflect(vu, *connection, params->reflect_metadata, params->timeout, state.schemas());
    if (!schema) return vu.throw_interrupted();
    if (!*schema) return refuse(context, schema->error());
    self->add_schema(state.keep(std::move(**schema)));
  }
  self->connect_through(std::move(connection));
  return JS_TRUE;
}

JSValue close(Client self, Call) {
  self->disconnect();
  return JS_UNDEFINED;
}

// ---- invoke

constexpr const char* kNotConnected = "no gRPC connection, you must call connect first";

/// What one call of invoke() or asyncInvoke() asks for, encoded.
struct PreparedCall {
  FoundMethod found;
  GrpcCallParams params;
  std::string request;
  std::shared_ptr<wire::GrpcClient> connection;  // as it is once all the rest has been read
};

/// False when it cannot be made: then `problem` says why, or is empty while the script's exception is pending.
bool prepare(Client self, const Call& call, PreparedCall& prepared, std::string& problem) {
  JSContext* const context = self.context;
  GrpcState& state = self->state();
  const auto fail = [&](std::string text) {
    problem = std::move(text);
    return false;
  };
  if (state.vu().in_init()) return fail("invoking RPC methods in the init context is not supported");
  if (self->connection() == nullptr) return fail(kNotConnected);
  if (!call.has(0)) return fail("method to invoke cannot be empty");
  const script::Text method(context, call.arg(0));
  if (method.failed()) return false;
  if (method.view().empty()) return fail("method to invoke cannot be empty");
  prepared.found = self->find(method);
  if (prepared.found.method == nullptr) return fail(fmt::format("method \"{}\" not found in file descriptors", full_method_name(method)));
  if (prepared.found.method->client_stream || prepared.found.method->server_stream) {
    return fail(
        fmt::format("method \"{}\" is a stream of {}, and invoke() makes calls of one message each way: use new grpc.Stream(client, "
                    "\"{}\")",
                    full_method_name(method),
                    !prepared.found.method->server_stream  ? "requests"
                    : prepared.found.method->client_stream ? "requests and answers"
                                                           : "answers",
                    method.view()));
  }
  if (const auto parsed = parse_call_params(context, call.arg(2), prepared.params); !parsed) {
    return parsed.error().message.empty() ? false
                                          : fail(fmt::format("invalid GRPC's client.invoke() parameters: {}", parsed.error().message));
  }
  if (JS_IsUndefined(call.arg(1))) return fail("request cannot be nil");
  if (JS_IsNull(call.arg(1))) return fail("the request of invoke() is null and should be an object, {} for an empty message");
  grpc::Encoder encoder(state.names(), *prepared.found.schema);
  if (!encoder.encode(*prepared.found.method->input, call.arg(1), prepared.request)) {
    return encoder.problem().empty() ? false
                                     : fail(fmt::format("unable to serialise request object to protocol buffer: {}", encoder.problem()));
  }
  if (JS_HasException(context)) return false;
  prepared.connection = self->connection();
  return prepared.connection != nullptr || fail(kNotConnected);
}

void start(UnaryCall& unary, const PreparedCall& prepared, std::function<void()> done) {
  unary.output = prepared.params.discard_message ? nullptr : prepared.found.method->output;
  unary.schema = prepared.found.schema;
  unary.done = std::move(done);
  const auto entries = prepared.params.metadata_entries();
  wire::GrpcRequest request{.path = prepared.found.method->full_method, .metadata = entries, .timeout = kDefaultCallTimeout};
  if (prepared.params.timeout && prepared.params.timeout->count() != 0) request.timeout = *prepared.params.timeout;
  const std::string_view message = prepared.request;
  prepared.connection->start(unary, request, &message, true);
}

JSValue invoke(Client self, Call call) {
  JSContext* const context = self.context;
  users::VuContext& vu = self->state().vu();
  PreparedCall prepared;
  std::string problem;
  if (!prepare(self, call, prepared, problem)) return problem.empty() ? JS_EXCEPTION : script::throw_error(context, problem);
  const grpc::Method& method = *prepared.found.method;
  PooledCall unary(CallPool::of_thread().take().release());
  fiber::Awaited<> done;
  start(*unary, prepared, [&] { done.complete(); });
  if (!done.wait()) {
    prepared.connection->cancel(*unary);
    return vu.throw_interrupted();
  }
  const std::string& address = prepared.connection->options().address;
  GrpcSampleTags(vu, &method, address, std::move(prepared.params.tags), false)
      .record_call(unary->status().code, unary->started(), unary->ended());
  return new_grpc_answer(context, std::move(unary), prepared.params.discard_message);
}

/// One asyncInvoke() from its call until its promise is settled.
class AsyncInvoke final : public GrpcState::Pending {
 public:
  AsyncInvoke(GrpcState& state, script::Deferred deferred)
      : state_(state), deferred_(std::move(deferred)), unary_(CallPool::of_thread().take().release()) {}
  void abandon() override {
    if (unary_ && unary_->is_active()) client_->cancel(*unary_);
    script_client_ = Value();
  }

  void run(Client self, PreparedCall& prepared) {
    const grpc::Method& method = *prepared.found.method;
    client_ = prepared.connection.get();
    discards_ = prepared.params.discard_message;
    tags_.emplace(state_.vu(), &method, client_->options().address, std::move(prepared.params.tags), true);
    script_client_ = Value::copy(self.context, self.value);
    operation_ = state_.vu().start_operation();
    start(*unary_, prepared, [this] {
      operation_.finish([this] {
        tags_->record_call(unary_->status().code, unary_->started(), unary_->ended());
        JSContext* const context = state_.vu().context();
        deferred_.resolve(Value(context, new_grpc_answer(context, std::move(unary_), discards_)));
        state_.drop(this);
      });
    });
  }

 private:
  GrpcState& state_;
  script::Deferred deferred_;
  PooledCall unary_;
  wire::GrpcClient* client_ = nullptr;
  Value script_client_;  // whose connection the call uses
  std::optional<GrpcSampleTags> tags_;
  users::Operation operation_;
  bool discards_ = false;
};

JSValue async_invoke(Client self, Call call) {
  JSContext* const context = self.context;
  script::Deferred deferred(context);
  const JSValue promise = deferred.promise();
  PreparedCall prepared;
  std::string problem;
  if (!prepare(self, call, prepared, problem)) {
    if (problem.empty()) {
      deferred.reject(Value(context, JS_GetException(context)));
    } else {
      // An error whose text is its message alone, as k6 rejects with.
      script::throw_named_error(context, "", problem);
      deferred.reject(Value(context, JS_GetException(context)));
    }
    return promise;
  }
  GrpcState& state = self->state();
  auto work = std::make_shared<AsyncInvoke>(state, std::move(deferred));
  AsyncInvoke& started = *work;
  state.keep(std::move(work));
  started.run(self, prepared);
  return promise;
}

JSValue health_check(Client self, Call call) {
  JSContext* const context = self.context;
  GrpcState& state = self->state();
  users::VuContext& vu = state.vu();
  if (vu.in_init()) return script::throw_error(context, "invoking RPC methods in the init context is not supported");
  if (self->connection() == nullptr) return script::throw_error(context, kNotConnected);
  auto schema = state.schemas().get("health", [] {
    return grpc::compile_schema({"/", {}, {"health.proto"}},
                                [](const std::string&) -> base::Expected<std::string> { return kHealthProto; });
  });
  const grpc::Schema& health = *state.keep(std::move(*schema));
  PreparedCall prepared;
  prepared.found = {&health.methods().front(), &health};
  Value request(context, JS_NewObject(context));
  if (call.has(0)) request.set("service", Value::copy(context, call.arg(0)));
  grpc::Encoder encoder(state.names(), health);
  if (!encoder.encode(*prepared.found.method->input, request.get(), prepared.request)) {
    return encoder.problem().empty() ? JS_EXCEPTION : script::throw_error(context, encoder.problem());
  }
  prepared.connection = self->connection();
  if (prepared.connection == nullptr) return script::throw_error(context, kNotConnected);
  PooledCall unary(CallPool::of_thread().take().release());
  fiber::Awaited<> done;
  start(*unary, prepared, [&] { done.complete(); });
  if (!done.wait()) {
    prepared.connection->cancel(*unary);
    return vu.throw_interrupted();
  }
  GrpcSampleTags(vu, nullptr, {}, {}, false).record_call(unary->status().code, unary->started(), unary->ended());
  if (unary->status().code != 0) return script::throw_error(context, describe_rpc_error(unary->status()));
  // The status as a number, which the constants HealthCheckServing etc. are.
  std::uint64_t status = 0;
  grpc::WireReader reader(unary->message);
  std::uint32_t number = 0;
  grpc::WireType type{};
  if (!reader.at_end() && reader.take_tag(number, type) && type == grpc::WireType::varint) reader.take_varint(status);
  Value result(context, JS_NewObject(context));
  result.set("status", Value(context, JS_NewInt32(context, static_cast<std::int32_t>(status))));
  return result.release();
}

JSValue new_client(Call call) {
  auto client = std::make_unique<GrpcScriptClient>(grpc_state_of(call.context));
  if (!client->count(call.context)) return JS_EXCEPTION;
  return script::Class<GrpcScriptClient>::construct(call, std::move(client));
}

const script::Member kMembers[] = {
    script::method<&load>("load", 1),
    script::method<&load_protoset>("loadProtoset", 1),
    script::method<&connect>("connect", 2),
    script::method<&invoke>("invoke", 3),
    script::method<&async_invoke>("asyncInvoke", 3),
    script::method<&health_check>("healthCheck", 1),
    script::method<&close>("close", 0),
};

}  // namespace

GrpcSampleTags::GrpcSampleTags(users::VuContext& vu, const grpc::Method* method, std::string_view address,
                               std::vector<std::pair<std::string, std::string>> own, bool keep_standing_tags)
    : vu_(vu), method_(method), own_(std::move(own)), base_(vu.tags().set_pointer()) {
  if (method_ != nullptr) url_.reserve(address.size() + method_->full_method.size());
  if (method_ != nullptr) url_.append(address).append(method_->full_method);
  if (!keep_standing_tags) return;
  standing_.emplace(vu.tags().save());
  kept_metadata_ = vu.tags().metadata();
}

metrics::TagBuilder GrpcSampleTags::builder() const { return {vu_.tags().table(), standing_ ? base_ : vu_.tags().set_pointer()}; }

const metrics::Metadata& GrpcSampleTags::metadata() const { return standing_ ? kept_metadata_ : vu_.tags().metadata(); }

void GrpcSampleTags::add_to(metrics::TagBuilder& tags) const {
  if (method_ != nullptr) {
    const std::string_view full = method_->full_method;
    tags.set(SystemTag::url, url_)
        .set(SystemTag::service, full.substr(1, full.size() - method_->name.size() - 2))
        .set(SystemTag::method, method_->name)
        .set(SystemTag::name, full);
  }
  for (const auto& [name, value] : own_) tags.set(name, value);
}

void GrpcSampleTags::record_call(int status, base::EventLoop::Clock::time_point started, base::EventLoop::Clock::time_point ended) const {
  metrics::TagBuilder tags = builder();
  std::array<char, 12> digits;
  tags.set(SystemTag::status, {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), status).ptr});
  add_to(tags);
  vu_.recorder().add_grpc_request(tags.intern(), base::milliseconds_of(ended - started), status != 0, ended, &metadata());
}

void GrpcSampleTags::count(metrics::MetricId metric, std::optional<int> status) const {
  metrics::TagBuilder tags = builder();
  add_to(tags);
  const fmt::format_int text(status.value_or(0));
  if (status) tags.set(metrics::SystemTag::status, {text.data(), text.size()});
  vu_.recorder().add(metric, tags.intern(), 1, base::EventLoop::Clock::now(), &metadata());
}

FoundMethod GrpcScriptClient::find(std::string_view name) const {
  const std::string full = name.starts_with('/') ? std::string() : full_method_name(name);
  for (const grpc::Schema* const schema : schemas_) {
    if (const grpc::Method* const method = schema->find_method(full.empty() ? name : std::string_view(full))) return {method, schema};
  }
  return {};
}

std::string full_method_name(std::string_view name) { return name.starts_with('/') ? std::string(name) : fmt::format("/{}", name); }

std::string describe_rpc_error(const wire::GrpcStatus& status) {
  return fmt::format("rpc error: code = {} desc = {}", wire::grpc_code_name(status.code), status.message);
}

void export_grpc_client(script::Module& module) {
  script::Class<GrpcScriptClient>::define(module.context(), "Client", kMembers);
  module.export_class<GrpcScriptClient, &new_client>("Client", 0);
}

}  // namespace gauntlet::engine::api
