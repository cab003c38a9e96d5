#include "base/grpc/reflection.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpc/reflection/v1/reflection.pb.h>
#include <grpc/reflection/v1alpha/reflection.pb.h>

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/grpc/server.hpp"

namespace gauntlet::base::grpc {
namespace {

namespace v1 = ::grpc::reflection::v1;
namespace v1alpha = ::grpc::reflection::v1alpha;
using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;

constexpr std::size_t kMaxQuestionBytes = 4096;  // names; the answer repeats them

/// The answers to one version's questions. Both versions have the same messages under two package names.
template <class Request, class Response>
class Reflector {
 public:
  explicit Reflector(const Server& server) : server_(server) {}

  Response answer(const Request& request) {
    Response response;
    response.set_valid_host(request.host());
    *response.mutable_original_request() = request;
    switch (request.message_request_case()) {
      case Request::kListServices:
        for (const std::string& name : server_.services()) {
          response.mutable_list_services_response()->add_service()->set_name(name);
        }
        break;
      case Request::kFileByFilename:
        add_files(pool_.FindFileByName(request.file_by_filename()), request.file_by_filename(), response);
        break;
      case Request::kFileContainingSymbol:
        add_files(pool_.FindFileContainingSymbol(request.file_containing_symbol()), request.file_containing_symbol(), response);
        break;
      case Request::kFileContainingExtension: {
        const auto& extension = request.file_containing_extension();
        const Descriptor* type = pool_.FindMessageTypeByName(extension.containing_type());
        const auto* field = type == nullptr ? nullptr : pool_.FindExtensionByNumber(type, extension.extension_number());
        add_files(field == nullptr ? nullptr : field->file(), extension.containing_type(), response);
        break;
      }
      case Request::kAllExtensionNumbersOfType: {
        const std::string& name = request.all_extension_numbers_of_type();
        const Descriptor* type = pool_.FindMessageTypeByName(name);
        if (type == nullptr) {
          not_found(name, response);
          break;
        }
        std::vector<const google::protobuf::FieldDescriptor*> extensions;
        pool_.FindAllExtensions(type, &extensions);
        auto* numbers = response.mutable_all_extension_numbers_response();
        numbers->set_base_type_name(name);
        for (const auto* extension : extensions) numbers->add_extension_number(extension->number());
        break;
      }
      case Request::MESSAGE_REQUEST_NOT_SET:
        response.mutable_error_response()->set_error_code(static_cast<int>(ErrorKind::invalid_argument));
        response.mutable_error_response()->set_error_message("the question is empty");
        break;
    }
    return response;
  }

 private:
  static void not_found(const std::string& what, Response& response) {
    response.mutable_error_response()->set_error_code(static_cast<int>(ErrorKind::not_found));
    response.mutable_error_response()->set_error_message("not found: " + what);
  }

  /// The file with all that it imports, imports last, as clients expect them.
  void add_files(const FileDescriptor* file, const std::string& what, Response& response) {
    if (file == nullptr) {
      not_found(what, response);
      return;
    }
    std::unordered_set<const FileDescriptor*> seen{file};
    std::vector<const FileDescriptor*> files{file};
    for (std::size_t i = 0; i < files.size(); ++i) {
      std::string& text = texts_[files[i]];
      if (text.empty()) {
        google::protobuf::FileDescriptorProto proto;
        files[i]->CopyTo(&proto);
        files[i]->CopyJsonNameTo(&proto);  // protoc's descriptors have them, and clients write JSON by them
        text = proto.SerializeAsString();
      }
      response.mutable_file_descriptor_response()->add_file_descriptor_proto(text);
      for (int k = 0; k < files[i]->dependency_count(); ++k) {
        if (seen.insert(files[i]->dependency(k)).second) files.push_back(files[i]->dependency(k));
      }
    }
  }

  const Server& server_;
  std::unordered_map<const FileDescriptor*, std::string> texts_;  // rendered once: a question costs its sender nothing
  const DescriptorPool& pool_ = *DescriptorPool::generated_pool();
};

template <class Request, class Response>
void add(Server& server, std::string_view method) {
  server.bidirectional(method, {.on_message =
                                    [reflector = Reflector<Request, Response>(server)](const CallPtr& call) mutable {
                                      if (call->message().size() > kMaxQuestionBytes)
                                        return call->fail(ErrorKind::invalid_argument, "a question has at most 4 KiB");
                                      Request request;
                                      if (call->parse(request)) call->send(reflector.answer(request));
                                    },
                                .on_half_close = [](const CallPtr& call) { call->finish(); }});
}

}  // namespace

void add_reflection(Server& server) {
  add<v1::ServerReflectionRequest, v1::ServerReflectionResponse>(server, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
  add<v1alpha::ServerReflectionRequest, v1alpha::ServerReflectionResponse>(
      server, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
}

}  // namespace gauntlet::base::grpc
