#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "lab/process/launch.hpp"
#include "lab/process/proc_file.hpp"
#include "lab/process/process.hpp"
#include "temporary_folder.hpp"

namespace gauntlet::lab {
namespace {

LaunchSpec shell(const TemporaryFolder& folder, const std::string& script) {
  return {.command = {"/bin/sh", "-c", script},
          .environment = {{"GREETING", "hello"}},
          .directory = folder.path(),
          .log = folder / "log",
          .account = {},
          .cgroup_procs = {}};
}

void wait_for_end(const LaunchedProcess& process) {
  pollfd ended{.fd = process.pidfd.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&ended, 1, 20'000), 1);
}

int reap(const LaunchedProcess& process) {
  int status = 0;
  ::waitpid(process.id.pid, &status, 0);
  return status;
}

TEST(Launch, gives_exactly_the_environment_folder_and_log_asked_for) {
  const TemporaryFolder folder;
  auto process = launch(shell(folder, "echo $GREETING; pwd; echo problem >&2; env | grep -c HOME"));
  ASSERT_TRUE(process) << process.error().message;
  wait_for_end(*process);
  reap(*process);
  EXPECT_EQ(folder.read("log"), "hello\n" + std::filesystem::canonical(folder.path()).string() + "\nproblem\n0\n");
}

TEST(Launch, appends_to_the_log) {
  const TemporaryFolder folder;
  folder.write("log", "before\n");
  auto process = launch(shell(folder, "echo after"));
  ASSERT_TRUE(process);
  wait_for_end(*process);
  reap(*process);
  EXPECT_EQ(folder.read("log"), "before\nafter\n");
}

TEST(Launch, a_missing_program_is_an_error_and_no_process) {
  const TemporaryFolder folder;
  auto spec = shell(folder, "");
  spec.command = {"/nowhere/program"};
  const auto process = launch(spec);
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().kind, base::ErrorKind::not_found);
  EXPECT_NE(process.error().message.find("/nowhere/program"), std::string::npos);
}

TEST(Launch, a_missing_folder_is_told_as_such) {
  const TemporaryFolder folder;
  auto spec = shell(folder, "true");
  spec.directory = "/nowhere";
  const auto process = launch(spec);
  ASSERT_FALSE(process);
  EXPECT_NE(process.error().message.find("directory"), std::string::npos);
}

TEST(Launch, the_process_leads_a_session_of_its_own) {
  const TemporaryFolder folder;
  auto process = launch(shell(folder, "sleep 30"));
  ASSERT_TRUE(process);
  EXPECT_EQ(::getsid(process->id.pid), process->id.pid);
  ::kill(process->id.pid, SIGKILL);
  reap(*process);
}

TEST(Launch, root_can_become_an_ordinary_user) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can";
  const auto account = account_for_servers();
  ASSERT_TRUE(account) << account.error().message;
  ASSERT_TRUE(*account);
  const TemporaryFolder folder;
  auto spec = shell(folder, "id -u; id -g; id -G");
  spec.directory = "/";
  spec.account = *account;
  auto process = launch(spec);
  ASSERT_TRUE(process) << process.error().message;
  wait_for_end(*process);
  reap(*process);
  const auto gid = std::to_string((*account)->gid);
  EXPECT_EQ(folder.read("log"), std::to_string((*account)->uid) + "\n" + gid + "\n" + gid + "\n");
  EXPECT_FALSE(may_access(*account, folder.path(), X_OK)) << "the folder is this user's alone";
  EXPECT_TRUE(may_access(*account, "/bin/sh", X_OK));
}

TEST(Process, is_found_by_folder_and_program) {
  const TemporaryFolder folder;
  auto process = launch(shell(folder, "kill -STOP $$; true"));  // a shell that waits for a child is two shells for a moment
  ASSERT_TRUE(process);
  const auto found = find_processes(folder.path(), "/bin/sh");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0], process->id);
  EXPECT_TRUE(find_processes(folder.path(), "/usr/bin/env").empty());
  EXPECT_TRUE(find_processes("/nowhere", "/bin/sh").empty());
  ::kill(-process->id.pid, SIGKILL);
  reap(*process);
}

TEST(Process, is_found_after_its_program_was_built_anew) {
  const TemporaryFolder folder;
  const auto program = folder / "service";
  std::filesystem::copy_file("/bin/sleep", program);
  LaunchSpec spec = shell(folder, "");
  spec.command = {program, "30"};
  auto process = launch(spec);
  ASSERT_TRUE(process);
  while (command_line_of(process->id.pid) != program.string() + " 30") ::usleep(1'000);  // until it has become that program
  // As mold does it.
  std::filesystem::rename(program, folder / ".mold-x1");
  std::filesystem::copy_file("/bin/sleep", program);
  std::filesystem::remove(folder / ".mold-x1");
  std::filesystem::copy_file("/bin/sleep", folder / "other");
  const auto found = find_processes(folder.path(), program);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0], process->id);
  EXPECT_TRUE(find_processes(folder.path(), folder / "other").empty());
  ::kill(-process->id.pid, SIGKILL);
  reap(*process);
}

TEST(Process, is_another_one_when_its_pid_is_reused) {
  const auto self = identify(::getpid());
  ASSERT_TRUE(self);
  EXPECT_TRUE(is_alive(*self));
  EXPECT_FALSE(is_alive({self->pid, self->start_ticks + 1}));
}

TEST(Process, a_zombie_is_not_alive) {
  const TemporaryFolder folder;
  auto process = launch(shell(folder, "true"));
  ASSERT_TRUE(process);
  wait_for_end(*process);
  EXPECT_FALSE(identify(process->id.pid));
  EXPECT_FALSE(watch_process(process->id));
  reap(*process);
}

TEST(Process, cpu_time_of_a_tree_counts_children_that_have_ended) {
  const TemporaryFolder folder;
  // The inner shell burns CPU and ends; the outer one only waits, then stays.
  auto process = launch(shell(folder, "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; echo done; sleep 30"));
  ASSERT_TRUE(process);
  while (folder.read("log") != "done\n") ::usleep(10'000);
  const auto own = cpu_time_of(process->id.pid);
  ASSERT_TRUE(own);
  EXPECT_GE(cpu_time_of_tree(process->id.pid), own->own + std::chrono::milliseconds(30));
  ::kill(-process->id.pid, SIGKILL);
  reap(*process);
}

TEST(ProcFile, is_empty_where_reading_fails_and_throws_nothing) {
  EXPECT_EQ(read_proc_file("/proc/self/mem"), "") << "opens, and fails at the first read as files of ended processes do";
  EXPECT_EQ(read_proc_file("/proc/self/nothing"), "");
  EXPECT_EQ(read_proc_file("/proc/self/comm"), "unit_lab\n");
  EXPECT_FALSE(names_in_proc("/proc/self/task").empty());
  EXPECT_TRUE(names_in_proc("/proc/self/nothing").empty());
}

TEST(RunToEnd, gives_the_output_or_the_failure_with_it) {
  const auto good = run_to_end({"/bin/sh", "-c", "echo out; echo err >&2"}, {}, "/");
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, "out\nerr\n");
  const auto bad = run_to_end({"/bin/sh", "-c", "echo reason; exit 3"}, {}, "/");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("exit status 3"), std::string::npos);
  EXPECT_NE(bad.error().message.find("reason"), std::string::npos);
}

TEST(RunToEnd, knows_a_full_disk_by_its_words) {
  const auto full = run_to_end({"/bin/sh", "-c", "/bin/echo x >/dev/full"}, {}, "/");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, base::ErrorKind::resource_exhausted);
}

}  // namespace
}  // namespace gauntlet::lab
