// What /proc/PID shows, read in one go. All of it may be out of date when it is returned; numbers are as the viewer's
// container has them.
#pragma once

#include "task/process.hpp"

namespace cv6 {

struct ProcessInfo {
  int number = 0, parent = 0, group = 0, session = 0;
  DeviceNumber terminal = 0;       // 0: none
  int foreground_group = -1;       // of the terminal
  char state = 'R';                // R S D T Z X as in proc(5)
  VirtualState virtual_state = VirtualState::waiting;  // of its most active thread
  FixedString<15> name;
  unsigned threads = 0;
  Identities ids;
  Ref<const GroupSet> groups;
  int nice = 0;
  Nanoseconds start_time = 0;      // monotonic clock
  ResourceUsage usage, children_usage;
  AddressSpaceUsage memory;        // zero for a zombie
  ProgramRanges ranges;
  SignalSet pending, thread_pending, blocked, ignored, caught;
  std::uint64_t queued_signals = 0, queued_signals_limit = 0;
  int exit_signal = 0;
  unsigned cpu = 0;
  unsigned descriptors = 0;        // size of the table
  Mode umask = 0;
  int container = -1;              // the id of where it is
  bool no_new_privileges = false;
};
ProcessInfo process_info(Process& process, const Container& viewer);

struct ThreadInfo {
  int number = 0;
  char state = 'R';
  FixedString<15> name;
  Nanoseconds user_time = 0, system_time = 0;
  unsigned cpu = 0;
  int nice = 0;
  SignalSet pending, blocked;
};
ThreadInfo thread_info(UserThread& thread, const Container& viewer);
// The thread of the process with the lowest number greater than `after`; null: no more.
Ref<UserThread> next_thread(Process& process, const Container& viewer, int after);
// With that number; null: none.
Ref<UserThread> thread_of(Process& process, const Container& viewer, int number);

// The caller may look at what only the owner may (maps, fd, environ). With the target's lock held: what is taken of it in the
// same section is what was asked for, whatever program of whatever rights is executed meanwhile.
bool may_inspect(const Process& caller, Process& target) REQUIRES(target.lock());
// The same, of this moment only: Error::perm.
Result<void> check_may_inspect(const Process& caller, Process& target);

}  // namespace cv6
