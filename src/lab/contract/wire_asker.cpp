#include "lab/contract/wire_asker.hpp"

#include <curl/curl.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>

#include <memory>
#include <optional>

#include "base/percent.hpp"
#include "base/text.hpp"
#include "service.pb.h"

namespace gauntlet::lab {
namespace {

using base::ErrorKind;
using base::Expected;
using base::fail;

constexpr long kPatienceS = 15;

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* text) {
  static_cast<std::string*>(text)->append(data, size * count);
  return size * count;
}

/// Headers and, of HTTP/2, trailers.
std::size_t take_header(char* data, std::size_t size, std::size_t count, void* into) {
  std::string line(data, size * count);
  const auto colon = line.find(':');
  if (colon == std::string::npos) return line.size();
  (*static_cast<std::map<std::string, std::string>*>(into))[base::lower_case(std::string_view(line).substr(0, colon))] =
      base::trimmed(std::string_view(line).substr(colon + 1), base::kWhiteSpace);
  return line.size();
}

std::string framed(const std::string& message) {
  const auto size = static_cast<std::uint32_t>(message.size());
  std::string frame(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) frame += static_cast<char>(size >> shift);
  return frame + message;
}

}  // namespace

WireAsker::WireAsker() : curl_(curl_easy_init()) {
  (void)::service::GetChallengesRequest::descriptor();  // links the contract's messages in
}

WireAsker::~WireAsker() { curl_easy_cleanup(curl_); }

Expected<ContractAnswer> WireAsker::perform(const std::string& method, const std::string& url, const Headers& headers,
                                            const std::optional<std::string>& body, bool http2) {
  ContractAnswer answer;
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_reset(curl_);
  curl_slist* lines = curl_slist_append(nullptr, "Expect:");
  for (const auto& [name, value] : headers) lines = curl_slist_append(lines, (name + ": " + value).c_str());
  curl_easy_setopt(curl_, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl_, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl_, CURLOPT_HTTP_VERSION, http2 ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_1_1);
  // libcurl 7.88 fails the second request on an HTTP/2 connection of prior knowledge that it kept (seen: "Error in the
  // HTTP2 framing layer" before anything is sent).
  curl_easy_setopt(curl_, CURLOPT_FRESH_CONNECT, http2 ? 1L : 0L);
  curl_easy_setopt(curl_, CURLOPT_FORBID_REUSE, http2 ? 1L : 0L);
  curl_easy_setopt(curl_, CURLOPT_TIMEOUT, kPatienceS);
  curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl_, CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &answer.text);
  curl_easy_setopt(curl_, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl_, CURLOPT_HEADERDATA, &answer.headers);
  if (method == "HEAD") {
    curl_easy_setopt(curl_, CURLOPT_NOBODY, 1L);
  } else if (body || method == "POST" || method == "PUT") {
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body ? body->size() : 0));
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, body ? body->c_str() : "");
  }
  curl_easy_setopt(curl_, CURLOPT_CUSTOMREQUEST, method == "HEAD" ? nullptr : method.c_str());
  curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, lines);
  const CURLcode code = curl_easy_perform(curl_);
  curl_slist_free_all(lines);
  if (code != CURLE_OK)
    return fail(ErrorKind::unavailable, method + " " + url + ": " + (reason[0] != '\0' ? reason : curl_easy_strerror(code)));
  long status = 0;
  curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
  answer.status = static_cast<int>(status);
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
  auto answer =
      perform("POST", "http://" + address + "/service.Service/" + method, headers, framed(request->SerializeAsString()), /*http2=*/true);
  if (!answer) return answer;
  const auto status = answer->headers.find("grpc-status");
  if (answer->status != 200 || status == answer->headers.end())
    return fail(ErrorKind::unavailable, method + " at " + address + ": no gRPC status; HTTP " + std::to_string(answer->status));
  answer->status = std::atoi(status->second.c_str());
  answer->message = base::percent_decode(answer->headers["grpc-message"]).value_or("");
  if (answer->status != 0) return answer;
  const auto reply = make(descriptor->output_type());
  if (answer->text.size() < 5 || !reply->ParseFromArray(answer->text.data() + 5, static_cast<int>(answer->text.size() - 5)))
    return fail(ErrorKind::unavailable, method + " at " + address + ": the answer is no " + descriptor->output_type()->full_name());
  pb::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  answer->text.clear();
  if (const auto printed = pb::util::MessageToJsonString(*reply, &answer->text, options); !printed.ok())
    return fail(ErrorKind::internal, method + ": " + printed.ToString());
  return answer;
}

}  // namespace gauntlet::lab
