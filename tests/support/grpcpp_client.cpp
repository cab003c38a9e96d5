// challenge-event-handler as a client written with grpc++ sees it (tests/integration/test_event_interop.py).
//
//   grpcpp-client ADDRESS PREFIX CONNECTIONS IN_FLIGHT EVENTS USER...
//
// Sends EVENTS logins with the ids PREFIX-0, PREFIX-1, ... for the users in turn, over CONNECTIONS TCP connections of their own with
// IN_FLIGHT calls at once on each, and prints how many calls ended with each status code: "OK 500". Exit status: 0 whatever the codes;
// 2 wrong arguments.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "iam/account/v1/account.pb.h"

namespace {

constexpr char kMethod[] = "/accelbyte.iam.account.v1.UserAuthenticationUserLoggedInService/OnMessage";

struct Call {
  explicit Call(grpc::GenericStub& stub) : stub(stub) {}

  grpc::GenericStub& stub;  // of the connection that it goes over
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  grpc::ByteBuffer answer;
  grpc::Status status;
};

struct Logins {
  std::string prefix;
  std::vector<std::string> users;
  int wanted, sent = 0;

  grpc::ByteBuffer next() {
    accelbyte::iam::account::v1::UserLoggedIn event;
    event.set_id(prefix + "-" + std::to_string(sent));
    event.set_user_id(users[static_cast<std::size_t>(sent) % users.size()]);
    event.set_namespace_("test");
    ++sent;
    const grpc::Slice bytes(event.SerializeAsString());
    return grpc::ByteBuffer(&bytes, 1);
  }
};

void start(Call& call, Logins& logins, grpc::CompletionQueue& queue) {
  call.context = std::make_unique<grpc::ClientContext>();
  call.context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  call.context->set_wait_for_ready(true);
  call.reader = call.stub.PrepareUnaryCall(call.context.get(), kMethod, logins.next(), &queue);
  call.reader->StartCall();
  call.reader->Finish(&call.answer, &call.status, &call);
}

std::string name_of(grpc::StatusCode code) {
  return code == grpc::StatusCode::OK ? "OK" : "code " + std::to_string(static_cast<int>(code));
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 7) {
    std::cerr << "usage: grpcpp-client ADDRESS PREFIX CONNECTIONS IN_FLIGHT EVENTS USER...\n";
    return 2;
  }
  const std::string address = arguments[1];
  const int connections = std::atoi(arguments[3]), in_flight = std::atoi(arguments[4]);
  Logins logins{arguments[2], {arguments + 6, arguments + count}, std::atoi(arguments[5])};

  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
  for (int i = 0; i < connections; ++i) {
    grpc::ChannelArguments own_connection;
    own_connection.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stubs.push_back(
        std::make_unique<grpc::GenericStub>(grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), own_connection)));
  }
  std::vector<std::unique_ptr<Call>> calls;
  for (int i = 0; i < connections * in_flight && logins.sent < logins.wanted; ++i) {
    calls.push_back(std::make_unique<Call>(*stubs[static_cast<std::size_t>(i % connections)]));
    start(*calls.back(), logins, queue);
  }
  std::map<std::string, int> ended;
  int waiting = static_cast<int>(calls.size());
  void* tag = nullptr;
  for (bool ok = false; waiting > 0 && queue.Next(&tag, &ok);) {
    Call& call = *static_cast<Call*>(tag);
    ++ended[name_of(call.status.error_code()) + (call.status.ok() && call.answer.Length() != 0 ? " with an answer that is not Empty" : "")];
    if (logins.sent < logins.wanted) {
      start(call, logins, queue);
    } else {
      --waiting;
    }
  }
  for (const auto& [name, times] : ended) std::cout << name << ' ' << times << '\n';
}
