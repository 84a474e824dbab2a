// Job control of one terminal: fs/job_control.hpp implemented. Private to task/.
//
// Which session has the terminal, and which group is in its foreground, is covered by process_tree_lock. A session only
// points to its terminal, and is told when it goes; who wants to use that without the lock must hold it (device()), which may
// fail: it may be going.
#pragma once

#include "fs/job_control.hpp"
#include "task/process_tree.hpp"

namespace cv6 {

class TerminalJobs final : public JobControl {
 public:
  explicit TerminalJobs(TerminalDevice& device) : device_(device) {}
  ~TerminalJobs() override;

  Result<void> check_access(Access access) override;
  void signal_foreground(int signal) override;
  void hang_up() override;
  void opened() override;
  Result<void> acquire(Steal steal) override;
  Result<void> give_up() override;
  Result<int> foreground_group() override;
  Result<void> set_foreground_group(int group) override;
  Result<int> session() override;
  int foreground_group_for_master() override;
  int session_for_master() override;

  TerminalDevice& device() const { return device_; }
  // With the tree lock held: for /proc, spawn, and exits.
  ProcessGroup* foreground() const { return foreground_.get(); }
  // Returns the group that was in the foreground, to be dropped after unlocking.
  Ref<ProcessGroup> put_into_foreground(Ref<ProcessGroup> group) { return std::exchange(foreground_, std::move(group)); }
  bool taken() const REQUIRES(process_tree_lock) { return session_; }
  // It is not taken: `group` and its session, which has no terminal, get it.
  void give_to(const Ref<ProcessGroup>& group) REQUIRES(process_tree_lock);
  // The session has no terminal any more. What was in the foreground is signalled (SIGHUP, SIGCONT) and returned.
  Ref<ProcessGroup> lose_session() REQUIRES(process_tree_lock);

 private:
  bool is_of(const Process& process) const REQUIRES(process_tree_lock);
  void take(Session& session) REQUIRES(process_tree_lock);

  TerminalDevice& device_;
  Session* session_ = nullptr;  // it exists while it is here: ~Session clears it
  Ref<ProcessGroup> foreground_;

  friend class Session;
};

// The session's leader ends.
void disassociate_terminal(Process& leader);

}  // namespace cv6
