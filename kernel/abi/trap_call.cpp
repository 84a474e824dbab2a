// The software interrupt that the xv6 ABI uses. No program of that ABI can be started yet, so whoever uses it gets what
// Linux answers: a general protection fault.
#include "arch/upcalls.hpp"
#include "task/process.hpp"
#include "task/send_signal.hpp"
#include "task/user_return.hpp"

namespace cv6 {

void arch::on_trap_call(UserRegisters& registers, unsigned) {
  UserThread& thread = UserThread::current();
  thread.entered_kernel();
  force_signal(thread, kernel_signal(signal::segmentation));
  return_to_user_work(thread, registers);
  thread.leaves_kernel();
}

}  // namespace cv6
