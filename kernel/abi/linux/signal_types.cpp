#include "abi/linux/signal_types.hpp"

namespace cv6::linux_abi {

Siginfo siginfo_of(const SignalInfo& info) {
  Siginfo result{};
  result.si_signo = info.number;
  result.si_errno = info.error;
  result.si_code = info.code;
  switch (info.kind) {
    case SignalInfo::Kind::sent:
    case SignalInfo::Kind::queued:
      result.sent.si_pid = info.process;
      result.sent.si_uid = info.user;
      result.sent.si_value = info.value;
      break;
    case SignalInfo::Kind::timer:
      result.timer.si_timerid = info.timer;
      result.timer.si_overrun = info.overrun;
      result.timer.si_value = info.value;
      break;
    case SignalInfo::Kind::child:
      result.child.si_pid = info.process;
      result.child.si_uid = info.user;
      result.child.si_status = info.status;
      result.child.si_utime = info.user_time;
      result.child.si_stime = info.system_time;
      break;
    case SignalInfo::Kind::fault: result.fault.si_addr = info.address; break;
    case SignalInfo::Kind::io:
      result.poll.si_band = info.band;
      result.poll.si_fd = info.descriptor;
      break;
  }
  return result;
}

SignalInfo queued_info_from(int number, const Siginfo& info) {
  SignalInfo result;
  result.number = number;
  result.code = info.si_code;
  result.kind = SignalInfo::Kind::queued;
  result.error = info.si_errno;
  result.process = info.sent.si_pid;
  result.user = info.sent.si_uid;
  result.value = info.sent.si_value;
  return result;
}

}  // namespace cv6::linux_abi
