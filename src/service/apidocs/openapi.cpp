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

/// Of every request, whoever asks.
const std::vector<Failure> kOfRequests{{400, "A part of the request is malformed; the message says which."},
                                       {408, "The request did not come to its end in time."},
                                       {413, "The body is too large."},
                                       {431, "The headers are too large."}};
const std::vector<Failure> kOfPlayers{{429, "This player asks too often; try again after Retry-After seconds."},
                                      {500, "The database failed."},
                                      {503, "Too busy, or the database is away; try again after Retry-After seconds."}};
const std::vector<Failure> kOfTokens{{401, "The token is missing or not valid."}, {403, "The token is of another namespace."}};

const Failure kUnchanged{304, "Nothing has changed since the answer whose ETag If-None-Match names."};

constexpr std::string_view kHealthCheck = "HealthCheck";  // the one that needs no player

std::vector<Operation> operations() {
  using namespace ::service;  // protobuf's package
  return {
      {"get",
       "/healthz",
       kHealthCheck,
       "Whether the service and its database answer",
       nullptr,
       HealthCheckResponse::descriptor(),
       {{503, "PostgreSQL does not answer."}}},
      {"get",
       "/v1/challenges",
       "GetUserChallenges",
       "All challenges and goals with the player's progress",
       GetChallengesRequest::descriptor(),
       GetChallengesResponse::descriptor(),
       {kUnchanged}},
      {"get",
       "/v1/challenges/{challenge_id}",
       "GetChallenge",
       "One challenge with the player's progress",
       nullptr,
       Challenge::descriptor(),
       {kUnchanged, {404, "No such challenge."}}},
      {"post",
       "/v1/challenges/initialize",
       "InitializePlayer",
       "Assigns the default goals to a new player; answers the active goals",
       InitializeRequest::descriptor(),
       InitializeResponse::descriptor(),
       {}},
      {"put",
       "/v1/challenges/{challenge_id}/goals/{goal_id}/active",
       "SetGoalActive",
       "Activates or deactivates a goal",
       SetGoalActiveRequest::descriptor(),
       SetGoalActiveResponse::descriptor(),
       {{404, "No such goal in this challenge."}}},
      {"post",
       "/v1/challenges/{challenge_id}/goals/{goal_id}/claim",
       "ClaimGoalReward",
       "Grants a completed goal's reward, once",
       ClaimRewardRequest::descriptor(),
       ClaimRewardResponse::descriptor(),
       {{400, "Not completed, not active, rotated, or prerequisites are open; or the request is malformed."},
        {404, "No such goal in this challenge."},
        {409, "Already claimed, or being claimed by another request."},
        {500, "The reward could not be granted, or the database failed."}}},
      {"post",
       "/v1/challenges/{challenge_id}/goals/batch-select",
       "BatchSelectGoals",
       "Activates the given goals",
       BatchSelectRequest::descriptor(),
       GoalSelectionResponse::descriptor(),
       {{400, "No ids, or a goal of another challenge; or the request is malformed."}, {404, "No such challenge or goal."}}},
      {"post",
       "/v1/challenges/{challenge_id}/goals/random-select",
       "RandomSelectGoals",
       "Activates goals drawn at random among those that are open",
       RandomSelectRequest::descriptor(),
       GoalSelectionResponse::descriptor(),
       {{400, "count is not positive, or no goal can be drawn; or the request is malformed."}, {404, "No such challenge."}}},
      {"get",
       "/v1/challenges/{challenge_id}/rotation",
       "GetRotationStatus",
       "When the challenge's goals rotate",
       nullptr,
       GetRotationStatusResponse::descriptor(),
       {{404, "No such challenge."}}},
  };
}

Json reference(std::string_view definition) { return {{"$ref", "#/definitions/" + std::string(definition)}}; }

Json schema_of_value(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL: return {{"type", "boolean"}};
    case FieldDescriptor::CPPTYPE_INT32: return {{"type", "integer"}, {"format", "int32"}};
    case FieldDescriptor::CPPTYPE_MESSAGE: return reference(field.message_type()->name());
    default: return {{"type", "string"}};
  }
}

Json schema_of(const FieldDescriptor& field) {
  if (field.is_repeated()) return {{"type", "array"}, {"items", schema_of_value(field)}};
  Json schema = schema_of_value(field);
  // The one message that answers leave unset. What stands beside a $ref is ignored, hence allOf.
  if (field.message_type() == ::service::RotationPeriod::descriptor()) return {{"allOf", {std::move(schema)}}, {"x-nullable", true}};
  return schema;
}

/// Of an answer: every key is always there.
Json schema_of(const Descriptor& message) {
  Json properties = Json::object();
  Json required = Json::array();
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    properties[field.json_name()] = schema_of(field);
    required.push_back(field.json_name());
  }
  return {{"type", "object"}, {"required", std::move(required)}, {"properties", std::move(properties)}};
}

/// Of a body: what the path says is not in it, and null is the same as leaving a key out (proto3 JSON).
Json schema_of_body(const Descriptor& message, std::string_view path) {
  Json properties = Json::object();
  Json required = Json::array();
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    if (path.find("{" + field.name() + "}") != std::string_view::npos) continue;
    Json schema = schema_of(field);
    if (field.name() == "goal_ids") {
      schema["minItems"] = 1;
      required.push_back(field.json_name());
    } else if (field.name() == "count") {
      schema["minimum"] = 1;
      required.push_back(field.json_name());
    } else {
      schema["x-nullable"] = true;
    }
    properties[field.json_name()] = std::move(schema);
  }
  Json body = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) body["required"] = std::move(required);
  return body;
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
    parameters.push_back({{"name", name}, {"in", "path"}, {"required", true}, {"type", "string"}, {"minLength", 1}});
  if (operation.request == nullptr) return parameters;
  if (operation.method != "get") {
    Json schema = schema_of_body(*operation.request, operation.path);
    const bool required = schema.contains("required");
    parameters.push_back({{"name", "body"}, {"in", "body"}, {"required", required}, {"schema", std::move(schema)}});
    return parameters;
  }
  for (int i = 0; i < operation.request->field_count(); ++i) {
    const FieldDescriptor& field = *operation.request->field(i);
    Json parameter = {{"name", field.name()}, {"in", "query"}, {"required", false}, {"allowEmptyValue", true}};
    parameter.update(schema_of(field));
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL)
      parameter["description"] = "Also 1, t, T, True, TRUE, and 0, f, F, False, FALSE; empty is false.";
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

Json responses_of(const Operation& operation, bool tokens) {
  Json done = {{"description", "Done."}, {"schema", reference(operation.response->name())}};
  Json responses = Json::object();
  responses["200"] = std::move(done);
  // The operation's own words first: a status is said once.
  const auto add = [&](const std::vector<Failure>& failures) {
    for (const Failure& failure : failures) {
      const std::string status = std::to_string(failure.status);
      if (responses.contains(status)) continue;
      responses[status] = {{"description", failure.when}};
      if (failure.status >= 400) responses[status]["schema"] = reference("Error");
      if (failure.status == 304) responses["200"]["headers"] = {{"ETag", {{"type", "string"}}}};
      if (failure.status == 429 || failure.status == 503)
        responses[status]["headers"] = {{"Retry-After", {{"type", "integer"}, {"description", "Seconds."}}}};
    }
  };
  add(operation.failures);
  add(kOfRequests);
  if (operation.name == kHealthCheck) return responses;
  add(kOfPlayers);
  if (tokens) add(kOfTokens);
  return responses;
}

Json error_schema() {
  return {{"type", "object"},
          {"required", {"code", "message", "details"}},
          {"properties",
           {{"code", {{"type", "integer"}, {"format", "int32"}, {"description", "The gRPC code's number."}}},
            {"message", {{"type", "string"}}},
            {"details", {{"type", "array"}, {"items", {{"type", "object"}}}}}}}};
}

}  // namespace

std::string openapi_document(const std::string& base_path, bool tokens) {
  Json document = {{"swagger", "2.0"},
                   {"info", {{"title", "challenge-service"}, {"version", "1.0"}}},
                   {"basePath", base_path.empty() ? "/" : base_path},
                   {"consumes", {"application/json"}},
                   {"produces", {"application/json"}}};
  Json security = Json::array();
  if (tokens) {
    document["securityDefinitions"]["Bearer"] = {
        {"type", "apiKey"}, {"in", "header"}, {"name", "Authorization"}, {"description", "Bearer <access token>"}};
    security.push_back({{"Bearer", Json::array()}});
  } else {
    document["securityDefinitions"]["MockUser"] = {
        {"type", "apiKey"},
        {"in", "header"},
        {"name", "x-mock-user-id"},
        {"description", "The player; test-user-id without it (PLUGIN_GRPC_SERVER_AUTH_ENABLED=false)"}};
    security.push_back({{"MockUser", Json::array()}});
    security.push_back(Json::object());
  }
  Json& paths = document["paths"] = Json::object();
  Json& definitions = document["definitions"] = {{"Error", error_schema()}};
  for (const Operation& operation : operations()) {
    Json described = {{"operationId", operation.name}, {"summary", operation.summary}};
    described["parameters"] = parameters_of(operation);
    described["responses"] = responses_of(operation, tokens);
    if (operation.name != kHealthCheck) described["security"] = security;
    paths[std::string(operation.path)][std::string(operation.method)] = std::move(described);
    define(definitions, *operation.response);
  }
  return document.dump();
}

}  // namespace gauntlet::service
