#include "lab/events/dead_letters.hpp"

#include <fmt/format.h>

#include <optional>

#include "base/event_loop.hpp"
#include "engine/wire/grpc/client.hpp"
#include "engine/wire/tcp/dialer.hpp"
#include "iam/account/v1/account.pb.h"
#include "social/statistic/v1/statistic.pb.h"

namespace gauntlet::lab {
namespace {

using namespace std::chrono_literals;
using base::Error;
using base::ErrorKind;
using postgres::Parameters;
using postgres::Statement;
using postgres::Type;

constexpr const char* kLoginMethod = "/accelbyte.iam.account.v1.UserAuthenticationUserLoggedInService/OnMessage";
constexpr const char* kStatisticMethod = "/accelbyte.social.statistic.v1.StatisticStatItemUpdatedService/OnMessage";

const Statement kList(
    "SELECT id, kind, user_id, message, reason, failures, to_char(last_failed_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
    " FROM event_dead_letter ORDER BY id LIMIT $1",
    {Type::int4});
// $2: all of them, whatever $1 says.
const Statement kRead("SELECT id, kind, message, failures FROM event_dead_letter WHERE $2 OR id = ANY ($1) ORDER BY id",
                      {Type::int8_array, Type::boolean});
const Statement kDrop("DELETE FROM event_dead_letter WHERE $2 OR id = ANY ($1)", {Type::int8_array, Type::boolean});
// Nothing is deleted when the event has failed once more meanwhile.
const Statement kSettle("DELETE FROM event_dead_letter WHERE id = $1 AND failures = $2", {Type::int8, Type::int4});
const Statement kReason("SELECT reason FROM event_dead_letter WHERE id = $1", {Type::int8});

std::string event_id_of(std::string_view kind, std::string_view message) {
  const auto id_of = [&](auto event) {
    return event.ParseFromArray(message.data(), static_cast<int>(message.size())) ? event.id() : std::string();
  };
  return kind == "login" ? id_of(accelbyte::iam::account::v1::UserLoggedIn()) : id_of(accelbyte::social::statistic::v1::StatItemUpdated());
}

/// Calls the handler and waits for each answer.
class Handler {
 public:
  explicit Handler(const std::string& address)
      : client_(dialer_, loop_, {.address = address, .tls_context = {}, .authority = {}, .user_agent = "gauntlet"}) {}

  base::Expected<void> connect() {
    std::optional<std::optional<std::string>> outcome;
    client_.connect(5s, [&](std::optional<std::string> problem) { outcome = std::move(problem); });
    while (!outcome) loop_.run_once(100ms);
    if (*outcome) return base::fail(ErrorKind::unavailable, client_.options().address + " does not answer: " + **outcome);
    return {};
  }

  engine::wire::GrpcStatus deliver(std::string_view kind, std::string_view message) {
    Call call;
    client_.start(call, {.path = kind == "login" ? kLoginMethod : kStatisticMethod, .metadata = {}, .timeout = 30s}, &message, true);
    while (!call.ended_now) loop_.run_once(100ms);
    return call.status();
  }

 private:
  struct Call final : engine::wire::GrpcCall {
    bool ended_now = false;
    void on_message(std::string_view) override {}
    void on_end() override { ended_now = true; }
  };
  base::EventLoop loop_;
  engine::wire::Traffic traffic_;
  engine::wire::Resolver resolver_{engine::wire::DnsOptions{}};
  engine::wire::DialPolicy policy_;
  engine::wire::Dialer dialer_{loop_, resolver_, policy_, nullptr, traffic_, 1};
  engine::wire::GrpcClient client_;
};

Parameters chosen(const std::vector<std::int64_t>& ids) {
  Parameters parameters;
  parameters.add_array(ids).add(ids.empty());
  return parameters;
}

}  // namespace

base::Expected<DeadLetters> DeadLetters::open(const postgres::ConnectionOptions& database) {
  auto connection = TRY(postgres::BlockingConnection::connect(database));
  return DeadLetters(std::move(connection));
}

base::Expected<std::vector<DeadLetter>> DeadLetters::list(std::int32_t most) {
  const auto rows = TRY(connection_.execute(kList, Parameters().add(most)));
  std::vector<DeadLetter> letters;
  for (const postgres::Row row : rows)
    letters.push_back({.id = row.get<std::int64_t>(0),
                       .kind = row.get<std::string>(1),
                       .event_id = event_id_of(row.get<std::string_view>(1), row.get<std::string_view>(3)),
                       .user_id = row.get<std::string>(2),
                       .reason = row.get<std::string>(4),
                       .failures = row.get<std::int32_t>(5),
                       .last_failed_at = row.get<std::string>(6)});
  return letters;
}

base::Expected<int> DeadLetters::retry(const std::vector<std::int64_t>& ids, const std::string& handler_address,
                                       const std::function<void(const std::string&)>& tell) {
  const auto rows = TRY(connection_.execute(kRead, chosen(ids)));
  if (rows.empty() && !ids.empty()) return base::fail(ErrorKind::not_found, "there is no dead letter with such an id");
  if (rows.empty()) return 0;
  Handler handler(handler_address);
  TRY(handler.connect());
  int refused = 0;
  for (const postgres::Row row : rows) {
    const auto id = row.get<std::int64_t>(0);
    const auto status = handler.deliver(row.get<std::string_view>(1), row.get<std::string_view>(2));
    std::optional<std::string> kept;
    if (status.code != 0) {
      kept = fmt::format("not delivered, kept: {}", status.message);
    } else {
      const auto settled = TRY(connection_.execute(kSettle, Parameters().add(id).add(row.get<std::int32_t>(3))));
      if (settled.affected() == 0) {
        const auto reason = connection_.execute(kReason, Parameters().add(id));
        kept = "refused again, kept: " + (reason && !reason->empty() ? (*reason)[0].get<std::string>(0) : std::string("unknown reason"));
      }
    }
    if (kept) ++refused;
    tell(fmt::format("{}: {}", id, kept.value_or("committed")));
  }
  return refused;
}

base::Expected<std::int64_t> DeadLetters::drop(const std::vector<std::int64_t>& ids) {
  const auto dropped = TRY(connection_.execute(kDrop, chosen(ids)));
  return dropped.affected();
}

}  // namespace gauntlet::lab
