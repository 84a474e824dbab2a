// The software interrupts. Which ABI a call belongs to is a property of the process: one of the xv6 ABI makes its calls this
// way; any other gets what Linux answers, a general protection fault.
#include "abi/xv6/call_rows.hpp"
#include "abi/xv6/operations.hpp"
#include "arch/upcalls.hpp"
#include "task/process.hpp"
#include "task/send_signal.hpp"
#include "task/user_return.hpp"

namespace cv6 {

void arch::on_trap_call(UserRegisters& registers, unsigned) {
  UserThread& thread = UserThread::current();
  if (xv6_abi::is_of_xv6(thread.process())) return xv6_abi::on_call(thread, registers);
  thread.entered_kernel();
  force_signal(thread, kernel_signal(signal::segmentation));
  return_to_user_work(thread, registers);
  thread.leaves_kernel();
}

}  // namespace cv6
