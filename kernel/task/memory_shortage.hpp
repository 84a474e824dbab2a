// A page fault at a container's memory limit: somebody of that container has to go, so that the others can go on.
//
// The limit that is hit says where the victim is looked for: in the container that has it and those below, the process with
// the most pages. It is ended as by SIGKILL; whoever faulted waits until it has let go of its memory, and faults again. Nobody
// outside of that container notices. At the end of the machine's memory it is the process that faulted.
//
// Victims are chosen one at a time; while one is on its way out no other is chosen at that level. Nobody waits for a process
// that cannot run (its container is frozen), nor, with locks of a system call held, for longer than a moment.
#pragma once

#include "task/process.hpp"

namespace cv6 {

// Where the fault happened: in user mode nothing is held; in the kernel, perhaps locks that the victim waits for.
enum class FaultPlace : std::uint8_t { user, kernel };
enum class ShortageOutcome : std::uint8_t {
  again,    // there may be memory now
  ended,    // the caller's process is the one that ends
  no_limit  // no limit was hit, and the machine has memory: something else was refused
};
ShortageOutcome settle_shortage(UserThread& thread, FaultPlace place);

// A process that was chosen says so on its container's console, once there is memory to say it with. Made by its last
// thread while it has its files.
class ShortageReport {
 public:
  explicit ShortageReport(Process& process);
  void print(Process& process);

 private:
  bool wanted_;
  Ref<File> substitute_;
};
// A process has let go of its memory.
void note_memory_freed();

}  // namespace cv6
