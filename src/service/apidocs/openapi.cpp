#include "service/apidocs/openapi.hpp"

#include <google/protobuf/descriptor.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <vector>

#include "service.pb.h"

namespace gauntlet::service {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using Json = nlohmann::ordered_json;

struct Failure {
  int status;
  std::string_view when;
};

struct Operation {
  std::string_view method;
  std::string_view path;  // below the base path
  std::string_view name;
  std::string_view summary;
  const Descriptor* request;  // null: the operation takes nothing
  const Descriptor* response;
  std::vector<Failure> failures;
};

const std::vector<Failure> kOfPlayers{{401, "The token is missing or not valid."},
                                      {403, "The token is of another namespace."},
                                      {429, "This player asks too often."},
                                      {500, "The database failed."},
                                      {503, "Too busy; try again after Retry-After seconds."}};

std::vector<Failure> with(std::vector<Failure> own) {
  own.insert(own.end(), kOfPlayers.begin(), kOfPlayers.end());
  return own;
}

std::vector<Operation> operations() {
  using namespace ::service;  // protobuf's package
  return {
      {"get",
       "/healthz",
       "HealthCheck",
       "Whether the service and its database answer",
       nullptr,
       HealthCheckResponse::descriptor(),
       {{503, "PostgreSQL does not answer."}}},
      {"get", "/v1/challenges", "GetUserChallenges", "All challenges and goals with the player's progress",
       GetChallengesRequest::descriptor(), GetChallengesResponse::descriptor(),
       with({{304, "Nothing has changed since the answer whose ETag If-None-Match names."},
             {400, "A parameter is malformed."}})},
      {"get", "/v1/challenges/{challenge_id}", "GetChallenge", "One challenge with the player's progress", nullptr,
       Challenge::descriptor(),
       with({{304, "Nothing has changed since the answer whose ETag If-None-Match names."},
             {404, "No such challenge."}})},
      {"post", "/v1/challenges/initialize", "InitializePlayer",
       "Assigns the default goals to a new player; answers the active goals", InitializeRequest::descriptor(),
       InitializeResponse::descriptor(), kOfPlayers},
      {"put", "/v1/challenges/{challenge_id}/goals/{goal_id}/active", "SetGoalActive",
       "Activates or deactivates a goal", SetGoalActiveRequest::descriptor(), SetGoalActiveResponse::descriptor(),
       with({{400, "The body is malformed."}, {404, "No such goal in this challenge."}})},
      {"post", "/v1/challenges/{challenge_id}/goals/{goal_id}/claim", "ClaimGoalReward",
       "Grants a completed goal's reward, once", ClaimRewardRequest::descriptor(), ClaimRewardResponse::descriptor(),
       with({{400, "Not completed, not active, rotated, or prerequisites are open."},
             {404, "No such goal in this challenge."},
             {409, "Already claimed, or being claimed by another request."}})},
      {"post", "/v1/challenges/{challenge_id}/goals/batch-select", "BatchSelectGoals", "Activates the given goals",
       BatchSelectRequest::descriptor(), GoalSelectionResponse::descriptor(),
       with({{400, "No ids, or a goal of another challenge."}, {404, "No such challenge or goal."}})},
      {"post", "/v1/challenges/{challenge_id}/goals/random-select", "RandomSelectGoals",
       "Activates goals drawn at random among those that are open", RandomSelectRequest::descriptor(),
       GoalSelectionResponse::descriptor(),
       with({{400, "count is not positive, or no goal can be drawn."}, {404, "No such challenge."}})},
      {"get", "/v1/challenges/{challenge_id}/rotation", "GetRotationStatus", "When the challenge's goals rotate",
       nullptr, GetRotationStatusResponse::descriptor(), with({{404, "No such challenge."}})},
  };
}

Json reference(std::string_view definition) { return {{"$ref", "#/definitions/" + std::string(definition)}}; }

Json schema_of_value(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return {{"type", "boolean"}};
    case FieldDescriptor::CPPTYPE_INT32:
      return {{"type", "integer"}, {"format", "int32"}};
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return reference(field.message_type()->name());
    default:
      return {{"type", "string"}};
  }
}

Json schema_of(const FieldDescriptor& field) {
  if (!field.is_repeated()) return schema_of_value(field);
  return {{"type", "array"}, {"items", schema_of_value(field)}};
}

Json schema_of(const Descriptor& message, std::string_view path = {}) {
  Json properties = Json::object();
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    if (path.find("{" + field.name() + "}") == std::string_view::npos) properties[field.json_name()] = schema_of(field);
  }
  return {{"type", "object"}, {"properties", std::move(properties)}};
}

void define(Json& definitions, const Descriptor& message) {
  if (definitions.contains(message.name())) return;
  definitions[message.name()] = schema_of(message);
  for (int i = 0; i < message.field_count(); ++i) {
    if (const Descriptor* part = message.field(i)->message_type()) define(definitions, *part);
  }
}

/// What stands in braces.
std::vector<std::string> path_parameters(std::string_view path) {
  std::vector<std::string> names;
  for (std::size_t open = path.find('{'); open != std::string_view::npos; open = path.find('{', open + 1))
    names.emplace_back(path.substr(open + 1, path.find('}', open) - open - 1));
  return names;
}

Json parameters_of(const Operation& operation) {
  Json parameters = Json::array();
  for (const std::string& name : path_parameters(operation.path))
    parameters.push_back({{"name", name}, {"in", "path"}, {"required", true}, {"type", "string"}});
  if (operation.request == nullptr) return parameters;
  if (operation.method != "get") {
    parameters.push_back({{"name", "body"},
                          {"in", "body"},
                          {"required", false},
                          {"schema", schema_of(*operation.request, operation.path)}});
    return parameters;
  }
  for (int i = 0; i < operation.request->field_count(); ++i) {
    Json parameter = {{"name", operation.request->field(i)->name()}, {"in", "query"}, {"required", false}};
    parameter.update(schema_of(*operation.request->field(i)));
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

Json responses_of(const Operation& operation) {
  Json responses = {{"200", {{"description", "Done."}, {"schema", reference(operation.response->name())}}}};
  for (const Failure& failure : operation.failures) {
    Json response = {{"description", failure.when}};
    if (failure.status >= 400) response["schema"] = reference("Error");
    responses[std::to_string(failure.status)] = std::move(response);
  }
  return responses;
}

Json error_schema() {
  return {{"type", "object"},
          {"properties",
           {{"code", {{"type", "integer"}, {"format", "int32"}, {"description", "The gRPC code's number."}}},
            {"message", {{"type", "string"}}},
            {"details", {{"type", "array"}, {"items", {{"type", "object"}}}}}}}};
}

}  // namespace

std::string openapi_document(const std::string& base_path) {
  Json document = {{"swagger", "2.0"},
                   {"info", {{"title", "challenge-service"}, {"version", "1.0"}}},
                   {"basePath", base_path.empty() ? "/" : base_path},
                   {"consumes", {"application/json"}},
                   {"produces", {"application/json"}}};
  document["securityDefinitions"] = {
      {"Bearer",
       {{"type", "apiKey"}, {"in", "header"}, {"name", "Authorization"}, {"description", "Bearer <access token>"}}},
      {"MockUser",
       {{"type", "apiKey"},
        {"in", "header"},
        {"name", "x-mock-user-id"},
        {"description", "The player, where PLUGIN_GRPC_SERVER_AUTH_ENABLED=false"}}}};
  Json& paths = document["paths"] = Json::object();
  Json& definitions = document["definitions"] = {{"Error", error_schema()}};
  for (const Operation& operation : operations()) {
    Json described = {{"operationId", operation.name}, {"summary", operation.summary}};
    described["parameters"] = parameters_of(operation);
    described["responses"] = responses_of(operation);
    if (operation.name != "HealthCheck")
      described["security"] = {{{"Bearer", Json::array()}}, {{"MockUser", Json::array()}}};
    paths[std::string(operation.path)][std::string(operation.method)] = std::move(described);
    define(definitions, *operation.response);
  }
  return document.dump();
}

}  // namespace gauntlet::service
