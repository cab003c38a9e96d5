#include "postgres/connection.hpp"

#include <libpq-fe.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "postgres/server_error.hpp"

namespace gauntlet::postgres {
namespace {

using namespace std::chrono_literals;
using base::Error;
using base::ErrorKind;

/// What the server may take beyond its own statement timeout before we think it dead.
constexpr auto kSilenceAllowance = 1s;

/// What lies between two synchronisation points: it takes effect as a whole, and answers at once.
struct Group {
  std::size_t commands = 0;          // of ours in the group
  std::size_t answered = 0;          // of them
  bool between_commands = false;     // got a command's result; libpq's terminating null is next
  std::optional<unsigned> prepares;  // statement number, when this group only prepares
  std::vector<Result> results;
  std::optional<Error> error;
  ResultsCallback callback;  // empty for preparations
  base::EventLoop::Clock::time_point queued;
};

}  // namespace

class Connection::Impl final : public base::IoHandler {
 public:
  Impl(base::EventLoop& loop, const ConnectionOptions& options, Observer observer)
      : loop_(loop),
        observer_(std::move(observer)),
        where_("PostgreSQL at " + options.describe()),
        statement_timeout_(options.statement_timeout),
        has_others_(options.writable) {
    std::vector<const char*> keywords;
    std::vector<const char*> values;
    const auto parameters = options.libpq_parameters();
    for (const auto& [keyword, value] : parameters) {
      keywords.push_back(keyword.c_str());
      values.push_back(value.c_str());
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    connection_ = PQconnectStartParams(keywords.data(), values.data(), 0);
    if (connection_ == nullptr || PQstatus(connection_) == CONNECTION_BAD) {
      close_soon();
      return;
    }
    note_unreplicated_commits(connection_, unreplicated_);
    watch(EPOLLOUT);
    timer_ = loop_.call_after(options.connect_timeout, [this] {
      timer_ = 0;
      close({ErrorKind::unavailable, where_ + ": no connection within the connect timeout"});
    });
  }

  ~Impl() override {
    observer_ = {};
    close({ErrorKind::unavailable, where_ + ": connection closed by us"});
  }

  bool is_open() const { return state_ == State::open && !read_only_; }
  std::size_t in_flight() const { return statements_in_flight_; }
  std::optional<base::EventLoop::Clock::time_point> waiting_since() const {
    return groups_.empty() ? std::nullopt : std::optional(groups_.front().queued);
  }

  void execute_group(std::span<const Execution> group, ResultsCallback callback) {
    assert(!group.empty());
    if (state_ != State::open) return refuse(std::move(callback));
    for (const Execution& execution : group) prepare(*execution.statement);
    begin_commands(group.size(), std::move(callback));
    for (const Execution& execution : group) send(*execution.statement, execution.parameters);
    sync();
    flush();
  }

  void execute(const Statement& statement, const Parameters& parameters, ResultCallback callback) {
    ResultsCallback first_only = [callback = std::move(callback)](base::Expected<std::vector<Result>> results) {
      if (!results) return callback(tl::unexpected<Error>(std::move(results.error())));
      callback(std::move(results->front()));
    };
    if (state_ != State::open) return refuse(std::move(first_only));
    prepare(statement);
    begin_commands(1, std::move(first_only));
    send(statement, parameters);
    sync();
    flush();
  }

  void on_io(std::uint32_t) override {
    if (state_ == State::connecting) return continue_connecting();
    if (PQconsumeInput(connection_) == 0) return close(connection_error(connection_, where_));
    take_answers();
    if (state_ == State::open) flush();
  }

 private:
  enum class State { connecting, open, closed };

  // --- connecting

  void watch(std::uint32_t events) {
    const int fd = PQsocket(connection_);
    if (watched_fd_ == fd && watched_events_ == events) return;
    if (watched_fd_ == fd) loop_.rewatch(fd, events, this);
    else loop_.watch(fd, events, this);
    watched_fd_ = fd;
    watched_events_ = events;
  }

  void unwatch() {
    if (watched_fd_ < 0) return;
    loop_.unwatch(watched_fd_);
    watched_fd_ = -1;
    watched_events_ = 0;
  }

  void continue_connecting() {
    // libpq may close its socket and open another one (next address, SSL refused) inside the poll.
    unwatch();
    switch (PQconnectPoll(connection_)) {
      case PGRES_POLLING_READING: return watch(EPOLLIN);
      case PGRES_POLLING_WRITING: return watch(EPOLLOUT);
      case PGRES_POLLING_OK: return opened();
      default: return close(connection_error(connection_, where_));
    }
  }

  void opened() {
    cancel_timer();
    if (PQsetnonblocking(connection_, 1) != 0 || PQenterPipelineMode(connection_) != 1) return close(connection_error(connection_, where_));
    state_ = State::open;
    watch(EPOLLIN);
    if (observer_.on_open) observer_.on_open();
  }

  // --- sending

  void prepare(const Statement& statement) {
    if (prepared_.size() <= statement.number()) prepared_.resize(statement.number() + 1, false);
    if (prepared_[statement.number()]) return;
    // In a group of its own, so that a failed neighbour does not undo the preparation.
    prepared_[statement.number()] = true;
    Group queued;
    queued.commands = 1;
    queued.prepares = statement.number();
    begin_group(std::move(queued));
    const auto& types = statement.parameter_types();
    if (PQsendPrepare(connection_, statement.name(), statement.sql().c_str(), static_cast<int>(types.size()), types.data()) == 0)
      broken_ = true;
    sync();
  }

  void begin_commands(std::size_t commands, ResultsCallback callback) {
    Group queued;
    queued.commands = commands;
    queued.callback = std::move(callback);
    statements_in_flight_ += commands;
    begin_group(std::move(queued));
  }

  void refuse(ResultsCallback callback) {
    loop_.post([callback = std::move(callback), error = closed_error()]() mutable { callback(tl::unexpected<Error>(std::move(error))); });
  }

  void begin_group(Group group) {
    group.queued = loop_.now();
    if (groups_.empty()) {
      last_progress_ = loop_.update_now();
      watch_for_silence();
    }
    groups_.push_back(std::move(group));
  }

  void send(const Statement& statement, const Parameters& parameters) {
    assert(parameters.size() == statement.parameter_types().size());
    const std::size_t count = parameters.size();
    values_.resize(count);
    lengths_.resize(count);
    formats_.assign(count, 1);
    for (std::size_t i = 0; i < count; ++i) {
      values_[i] = parameters[i].data();
      lengths_[i] = static_cast<int>(parameters[i].size());
    }
    if (PQsendQueryPrepared(connection_, statement.name(), static_cast<int>(count), values_.data(), lengths_.data(), formats_.data(), 1) ==
        0)
      broken_ = true;
  }

  void sync() {
    if (PQpipelineSync(connection_) == 0) broken_ = true;
  }

  void flush() {
    const int pending = broken_ ? -1 : PQflush(connection_);
    if (pending < 0) return close_soon();
    watch(pending > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }

  // --- answers

  void take_answers() {
    while (state_ == State::open && !groups_.empty() && PQisBusy(connection_) == 0) {
      Group& group = groups_.front();
      pg_result* raw = PQgetResult(connection_);
      if (group.between_commands) {
        if (raw != nullptr) {  // a session that ends, or a pooler that ends it, keeps to no order
          const Result unexpected(raw);
          return close({ErrorKind::unavailable,
                        where_ + ": an answer too many, " + PQresStatus(PQresultStatus(raw)) + ": " + std::string(error_of(raw).message)});
        }
        group.between_commands = false;
        continue;
      }
      if (raw == nullptr) return close(connection_error(connection_, where_));
      Result result(raw);
      if (group.answered < group.commands) {
        take_command_result(group, std::move(result), raw);
      } else if (PQresultStatus(raw) == PGRES_PIPELINE_SYNC) {
        finish_front();
        if (read_only_) return close({ErrorKind::unavailable, where_ + ": the server takes no writes any more"});
      } else {
        // A server that shuts down or ends the session says so outside any command.
        return close(error_of(raw));
      }
    }
  }

  void take_command_result(Group& group, Result result, const pg_result* raw) {
    ++group.answered;
    group.between_commands = true;
    switch (PQresultStatus(raw)) {
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
      case PGRES_EMPTY_QUERY: group.results.push_back(std::move(result)); return;
      case PGRES_PIPELINE_ABORTED: break;
      default:
        if (!group.error) group.error = error_of(raw);
        read_only_ = read_only_ || (has_others_ && is_from_read_only_server(raw));
    }
    if (!group.error) group.error = Error{ErrorKind::aborted, "not run: an earlier statement of its group failed"};
  }

  void finish_front() {
    Group group = std::move(groups_.front());
    groups_.pop_front();
    last_progress_ = loop_.now();
    if (std::exchange(unreplicated_, false) && !group.error)
      group.error = Error{ErrorKind::unavailable, where_ + ": committed, but perhaps not on the synchronous standby"};
    if (group.prepares) {
      if (group.error) {
        prepared_[*group.prepares] = false;
        // The statement behind it fails with "does not exist"; this is the cause that its caller should see.
        const auto asked = std::find_if(groups_.begin(), groups_.end(), [](const Group& next) { return !next.prepares; });
        if (asked != groups_.end() && !asked->error) asked->error = std::move(group.error);
      }
      return;
    }
    statements_in_flight_ -= group.commands;
    answer(std::move(group));
  }

  static void answer(Group group) {
    if (!group.callback) return;
    if (group.error) group.callback(tl::unexpected<Error>(std::move(*group.error)));
    else group.callback(std::move(group.results));
  }

  // --- ending

  Error closed_error() const { return closed_because_ ? *closed_because_ : Error{ErrorKind::unavailable, where_ + ": not connected yet"}; }

  /// For failures noticed while a caller is inside execute(): answers come from the loop.
  void close_soon() {
    if (closing_soon_) return;
    closing_soon_ = loop_.call_after(0ns, [this] {
      closing_soon_ = 0;
      // The server's last words explain more than our failed write.
      if (state_ == State::open && PQconsumeInput(connection_) == 1) take_answers();
      if (state_ != State::closed)
        close(connection_ != nullptr ? connection_error(connection_, where_) : Error{ErrorKind::unavailable, where_ + ": out of memory"});
    });
  }

  void close(Error why) {
    if (state_ == State::closed) return;
    state_ = State::closed;
    closed_because_ = why;
    unwatch();
    cancel_timer();
    if (closing_soon_ != 0) loop_.cancel(std::exchange(closing_soon_, 0));
    PQfinish(std::exchange(connection_, nullptr));
    statements_in_flight_ = 0;
    std::deque<Group> groups = std::exchange(groups_, {});
    auto on_closed = std::exchange(observer_.on_closed, nullptr);
    for (Group& group : groups) {
      if (!group.error) group.error = why;  // even when answered: without its sync the outcome is unknown
      answer(std::move(group));
    }
    if (on_closed) on_closed(std::move(why));
  }

  void watch_for_silence() {
    if (statement_timeout_.count() <= 0 || timer_ != 0) return;
    arm_silence_timer(loop_.now() + statement_timeout_ + kSilenceAllowance);
  }

  void arm_silence_timer(base::EventLoop::Clock::time_point due) {
    timer_ = loop_.call_at(due, [this] {
      timer_ = 0;
      if (groups_.empty()) return;
      const auto silent_since = std::max(last_progress_, groups_.front().queued);
      const auto limit = silent_since + statement_timeout_ + kSilenceAllowance;
      if (loop_.now() < limit) return arm_silence_timer(limit);
      close({ErrorKind::unavailable, where_ + ": no answer within the statement timeout"});
    });
  }

  void cancel_timer() {
    if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
  }

  base::EventLoop& loop_;
  Observer observer_;
  std::string where_;
  std::chrono::milliseconds statement_timeout_;
  State state_ = State::connecting;
  pg_conn* connection_ = nullptr;
  int watched_fd_ = -1;
  std::uint32_t watched_events_ = 0;
  base::EventLoop::TimerId timer_ = 0;  // connect timeout first, then silence
  base::EventLoop::TimerId closing_soon_ = 0;
  bool broken_ = false;
  const bool has_others_;      // another server may take the writes that this one refuses
  bool read_only_ = false;     // it has said so
  bool unreplicated_ = false;  // the commit of the group in front has not been waited for
  std::optional<Error> closed_because_;
  std::deque<Group> groups_;
  std::size_t statements_in_flight_ = 0;
  base::EventLoop::Clock::time_point last_progress_;
  std::vector<bool> prepared_;  // by statement number
  // libpq's argument arrays, kept for their memory.
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

Connection::Connection(base::EventLoop& loop, const ConnectionOptions& options, Observer observer)
    : impl_(std::make_unique<Impl>(loop, options, std::move(observer))) {}
Connection::~Connection() = default;

bool Connection::is_open() const { return impl_->is_open(); }
std::size_t Connection::in_flight() const { return impl_->in_flight(); }
std::optional<base::EventLoop::Clock::time_point> Connection::waiting_since() const { return impl_->waiting_since(); }
void Connection::execute(const Statement& statement, const Parameters& parameters, ResultCallback callback) {
  impl_->execute(statement, parameters, std::move(callback));
}
void Connection::execute_group(std::span<const Execution> group, ResultsCallback callback) {
  impl_->execute_group(group, std::move(callback));
}

}  // namespace gauntlet::postgres
