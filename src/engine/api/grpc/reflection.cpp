#include "engine/api/grpc/reflection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "engine/api/grpc/client.hpp"
#include "engine/script/fiber/fiber.hpp"
#include "engine/users/vu_context.hpp"
#include "engine/wire/grpc/client.hpp"
#include "engine/wire/grpc/protobuf_wire.hpp"

namespace gauntlet::engine::api {
namespace {

/// Rounds of asking for imports that the server did not send along.
constexpr int kMaxRounds = 16;
/// Of the answers of one round, in memory: far beyond any schema, and a server may go on without end.
constexpr std::size_t kMaxAnswerBytes = std::size_t{64} << 20;

/// Fields of ServerReflectionRequest and ServerReflectionResponse.
enum : std::uint32_t {
  kFileByName = 3,
  kFileContainingSymbol = 4,
  kListServices = 7,
  kFileDescriptorResponse = 4,
  kListServicesResponse = 6,
  kErrorResponse = 7,
};

/// Calls `take(number, bytes)` for the length-delimited fields of a message.
template <class Take>
void for_each_bytes(std::string_view message, Take&& take) {
  grpc::WireReader reader(message);
  while (!reader.at_end()) {
    std::uint32_t number = 0;
    grpc::WireType type{};
    std::string_view bytes;
    if (!reader.take_tag(number, type)) return;
    if (type != grpc::WireType::bytes) {
      if (!reader.skip(number, type)) return;
    } else if (reader.take_bytes(bytes)) {
      take(number, bytes);
    } else {
      return;
    }
  }
}

class ReflectionCall final : public wire::GrpcCall {
 public:
  std::vector<std::string> answers;
  fiber::Awaited<>* done = nullptr;

 private:
  void on_message(std::string_view message) override {
    bytes_ += sizeof(std::string) + message.size();
    if (bytes_ > kMaxAnswerBytes) return fail_decoding(fmt::format("the server describes itself with more than {} bytes", kMaxAnswerBytes));
    answers.emplace_back(message);
  }
  void on_end() override { done->complete(); }

  std::size_t bytes_ = 0;
};

class Reflection {
 public:
  Reflection(wire::GrpcClient& client, const GrpcMetadataList& metadata, std::chrono::nanoseconds timeout)
      : client_(client), timeout_(timeout) {
    for (const auto& [name, value] : metadata) metadata_.push_back({name, value});
  }

  /// Asks all questions on one stream; false when interrupted.
  bool ask(std::uint32_t kind, const std::vector<std::string>& questions) {
    answers_.clear();
    ReflectionCall call;
    fiber::Awaited<> done;
    call.done = &done;
    client_.start(call, {.path = path_, .metadata = metadata_, .timeout = timeout_, .unary = false}, nullptr, false);
    for (const std::string& question : questions) {
      std::string request;
      grpc::write_tag(kind, grpc::WireType::bytes, request);
      grpc::write_varint(question.size(), request);
      client_.send(call, request += question);
    }
    client_.finish_sending(call);
    if (!done.wait()) {
      client_.cancel(call);
      return false;
    }
    status_ = call.status();
    answers_ = std::move(call.answers);
    return true;
  }

  /// Nothing when interrupted.
  std::optional<base::Expected<std::vector<std::string>>> files() {
    if (!ask(kListServices, {"*"})) return std::nullopt;
    if (status_.code == wire::grpc_status::kUnimplemented) {
      path_ = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
      if (!ask(kListServices, {"*"})) return std::nullopt;
    }
    if (status_.code != 0) return fail("can't list services");
    std::vector<std::string> services;
    for_each_response(kListServicesResponse, [&](std::string_view service) {
      for_each_bytes(service, [&](std::uint32_t number, std::string_view name) {
        if (number == 1) services.emplace_back(name);
      });
    });
    if (!ask(kFileContainingSymbol, services)) return std::nullopt;
    for (int round = 0;; ++round) {
      if (status_.code != 0) return fail("can't get files of services");
      for_each_response(kFileDescriptorResponse, [&](std::string_view file) { take_file(file); });
      if (!refusal_.empty()) return base::fail(base::ErrorKind::not_found, fmt::format("can't get files of services: {}", refusal_));
      std::vector<std::string> missing;
      for (const std::string& name : imports_) {
        if (!names_.contains(name) && !name.starts_with("google/protobuf/")) missing.push_back(name);
      }
      if (missing.empty() || round == kMaxRounds) return std::move(files_);
      if (!ask(kFileByName, missing)) return std::nullopt;
    }
  }

 private:
  tl::unexpected<base::Error> fail(std::string_view what) const {
    return base::fail(base::ErrorKind::unavailable, fmt::format("{}: {}", what, describe_rpc_error(status_)));
  }

  /// Calls `take` with each part (field 1) of the responses of that kind.
  template <class Take>
  void for_each_response(std::uint32_t kind, Take&& take) {
    for (const std::string& answer : answers_) {
      for_each_bytes(answer, [&](std::uint32_t number, std::string_view response) {
        if (number == kErrorResponse) {
          for_each_bytes(response, [&](std::uint32_t part, std::string_view text) {
            if (part == 2) refusal_ = text;
          });
        }
        if (number != kind) return;
        for_each_bytes(response, [&](std::uint32_t part, std::string_view bytes) {
          if (part == 1) take(bytes);
        });
      });
    }
  }

  void take_file(std::string_view file) {
    constexpr std::uint32_t kName = 1, kDependency = 3;  // of FileDescriptorProto
    std::string name;
    for_each_bytes(file, [&](std::uint32_t number, std::string_view text) {
      if (number == kName) name = text;
      if (number == kDependency) imports_.emplace(text);
    });
    if (names_.insert(name).second) files_.emplace_back(file);
  }

  wire::GrpcClient& client_;
  std::chrono::nanoseconds timeout_;
  std::vector<wire::GrpcMetadata::Entry> metadata_;
  std::string path_ = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
  wire::GrpcStatus status_;
  std::vector<std::string> answers_;
  std::string refusal_;
  std::set<std::string> names_;
  std::set<std::string> imports_;
  std::vector<std::string> files_;
};

}  // namespace

std::optional<base::Expected<grpc::SchemaPtr>> reflect(users::VuContext&, wire::GrpcClient& client, const GrpcMetadataList& metadata,
                                                       std::chrono::nanoseconds timeout, grpc::SchemaCache& schemas) {
  auto files = Reflection(client, metadata, timeout).files();
  if (!files) return std::nullopt;
  if (!*files) return tl::unexpected(std::move(files->error()));
  std::sort((*files)->begin(), (*files)->end());
  std::string key = "reflection";
  for (const std::string& file : **files) key += file;
  return schemas.get(key, [&] { return grpc::schema_from_files(**files); });
}

}  // namespace gauntlet::engine::api
