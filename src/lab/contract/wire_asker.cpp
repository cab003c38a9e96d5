#include "lab/contract/wire_asker.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>

#include <memory>
#include <optional>

#include "base/grpc/framing.hpp"
#include "base/percent.hpp"
#include "base/text.hpp"
#include "service.pb.h"

namespace gauntlet::lab {
namespace {

using base::ErrorKind;
using base::Expected;
using base::fail;
using base::grpc::kPrefixBytes;

constexpr std::chrono::seconds kPatience{15};

/// Headers and, of HTTP/2, trailers.
std::size_t take_header(char* data, std::size_t size, std::size_t count, void* into) {
  std::string line(data, size * count);
  const auto colon = line.find(':');
  if (colon == std::string::npos) return line.size();
  (*static_cast<std::map<std::string, std::string>*>(into))[base::lower_case(std::string_view(line).substr(0, colon))] =
      base::trimmed(std::string_view(line).substr(colon + 1), base::kWhiteSpace);
  return line.size();
}

}  // namespace

WireAsker::WireAsker() {
  (void)::service::GetChallengesRequest::descriptor();  // links the contract's messages in
}

Expected<ContractAnswer> WireAsker::perform(const std::string& method, const std::string& url, const Headers& headers,
                                            const std::optional<std::string>& body, bool http2) {
  ContractAnswer answer;
  std::vector<std::string> lines;
  for (const auto& [name, value] : headers) lines.push_back(name + ": " + value);
  curl_.begin(url, lines, kPatience);
  curl_.set(CURLOPT_PATH_AS_IS, 1L);
  curl_.set(CURLOPT_HTTP_VERSION, static_cast<long>(http2 ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_1_1));
  // libcurl 7.88 fails the second request on an HTTP/2 connection of prior knowledge that it kept (seen: "Error in the
  // HTTP2 framing layer" before anything is sent).
  curl_.set(CURLOPT_FRESH_CONNECT, http2 ? 1L : 0L);
  curl_.set(CURLOPT_FORBID_REUSE, http2 ? 1L : 0L);
  curl_.set(CURLOPT_HEADERFUNCTION, &take_header);
  curl_.set(CURLOPT_HEADERDATA, &answer.headers);
  if (method == "HEAD") {
    curl_.set(CURLOPT_NOBODY, 1L);
  } else {
    if (body || method == "POST" || method == "PUT") curl_.send_body(body ? std::string_view(*body) : std::string_view(""));
    curl_.set(CURLOPT_CUSTOMREQUEST, method.c_str());
  }
  const auto status = curl_.perform(answer.text);
  if (!status) return fail(status.error().kind, method + " " + url + ": " + status.error().message);
  answer.status = *status;
  return answer;
}

Expected<ContractAnswer> WireAsker::http(const std::string& method, const std::string& url, const Headers& headers,
                                         const std::optional<std::string>& body) {
  return perform(method, url, headers, body, /*http2=*/false);
}

Expected<ContractAnswer> WireAsker::grpc(const std::string& address, const std::string& method, const Headers& metadata,
                                         const nlohmann::json& message) {
  namespace pb = google::protobuf;
  const auto* descriptor = pb::DescriptorPool::generated_pool()->FindMethodByName("service.Service." + method);
  if (descriptor == nullptr) return fail(ErrorKind::internal, "service.Service has no method " + method);
  const auto make = [](const pb::Descriptor* type) {
    return std::unique_ptr<pb::Message>(pb::MessageFactory::generated_factory()->GetPrototype(type)->New());
  };
  const auto request = make(descriptor->input_type());
  if (const auto read = pb::util::JsonStringToMessage(message.dump(), request.get()); !read.ok())
    return fail(ErrorKind::internal, method + ": " + read.ToString());

  Headers headers = metadata;
  headers.emplace_back("content-type", "application/grpc");
  headers.emplace_back("te", "trailers");
  const std::string bytes = request->SerializeAsString();
  const auto prefix = base::grpc::prefix_of(bytes.size());
  const std::string framed = std::string(prefix.data(), prefix.size()) + bytes;
  auto answer = perform("POST", "http://" + address + "/service.Service/" + method, headers, framed, /*http2=*/true);
  if (!answer) return answer;
  const auto status = answer->headers.find("grpc-status");
  if (answer->status != 200 || status == answer->headers.end())
    return fail(ErrorKind::unavailable, method + " at " + address + ": no gRPC status; HTTP " + std::to_string(answer->status));
  answer->status = std::atoi(status->second.c_str());
  answer->message = base::percent_decode_grpc_message(answer->headers["grpc-message"]);
  if (answer->status != 0) return answer;
  const auto reply = make(descriptor->output_type());
  if (answer->text.size() < kPrefixBytes ||
      !reply->ParseFromArray(answer->text.data() + kPrefixBytes, static_cast<int>(answer->text.size() - kPrefixBytes)))
    return fail(ErrorKind::unavailable, method + " at " + address + ": the answer is no " + descriptor->output_type()->full_name());
  pb::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  answer->text.clear();
  if (const auto printed = pb::util::MessageToJsonString(*reply, &answer->text, options); !printed.ok())
    return fail(ErrorKind::internal, method + ": " + printed.ToString());
  return answer;
}

}  // namespace gauntlet::lab
